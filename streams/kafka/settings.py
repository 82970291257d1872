"""Where the cluster is and how to speak to it, and every limit of our clients."""

import re
import ssl
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from streams.log import LogError

PORT: Final = 9092
# A call that takes longer has failed; its process ends and is started again.
CALL_SECONDS_MAX: Final = 15.0
REQUEST_MS_MAX: Final = 10_000
TRANSACTION_MS_MAX: Final = 20_000
SESSION_MS: Final = 6_000  # after which a silent worker's partitions go to others
HEARTBEATS: Final = 6  # in a session
SNAPSHOT_EVERY_EVENTS: Final = 50_000
POLL_MS_MAX: Final = 200
BATCH_RECORDS_MAX: Final = 1_000
FETCH_BYTES_MAX: Final = 4 << 20
BATCH_BYTES_MAX: Final = 512 << 10
REQUEST_BYTES_MAX: Final = 3 << 20
BACKOFF_MS: Final = 100
# While the broker still marks the partitions of a commit, the next one is refused, and asked for
# again after so long. The library's own 20 ms are as long as all the rest of a small commit.
NEXT_TRANSACTION_SECONDS: Final = 0.003
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_ADDRESS: Final = re.compile(r"[\w.\-]+(:\d{1,5})?|\[[0-9a-fA-F:]+\]:\d{1,5}")


class KafkaSettings(NamedTuple):
    """`bootstrap` is HOST:PORT, several with commas. With a user name SASL is used, with `tls`
    TLS; files are in PEM form.
    """

    bootstrap: str
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: str = ""
    session_ms: int = SESSION_MS
    snapshot_every_events: int = SNAPSHOT_EVERY_EVENTS

    @classmethod
    def parse(cls, url: str, **more: Any) -> "KafkaSettings":
        """Read `kafka://[user[:password]@]host[:port][,host[:port]...]`; `kafkas://` asks for
        TLS. Raises LogError, never with the password in it.
        """
        scheme, _, rest = url.partition("://")
        login, _, addresses = rest.rpartition("@")
        found = [part for part in addresses.rstrip("/").split(",") if part]
        if scheme not in ("kafka", "kafkas") or not found:
            raise LogError("the log must be kafka://HOST:PORT (kafkas:// with TLS)")
        for address in found:
            if not _ADDRESS.fullmatch(address):
                raise LogError(f"{address!r} is no HOST:PORT of a Kafka broker")
        if login:
            parts = urlsplit(f"//{login}@host")
            more.setdefault("user", unquote(parts.username or ""))
            more.setdefault("password", unquote(parts.password or ""))
        with_port = [part if ":" in part else f"{part}:{PORT}" for part in found]
        return cls(",".join(with_port), tls=scheme == "kafkas", **more)

    def client(self) -> dict[str, Any]:
        """Return what every client of the cluster is made with."""
        if self.mechanism not in MECHANISMS:
            raise LogError(f"SASL mechanism {self.mechanism!r} is none of {', '.join(MECHANISMS)}")
        kind = ("SASL_" if self.user else "") + ("SSL" if self.tls else "PLAINTEXT")
        made: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "security_protocol": kind,
            "request_timeout_ms": REQUEST_MS_MAX,
            "retry_backoff_ms": BACKOFF_MS,
        }
        if self.user:
            made |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        if self.tls:
            made["ssl_context"] = self._ssl_context()
        return made

    def __repr__(self) -> str:
        return f"kafka{'s' if self.tls else ''}://{self.bootstrap}"

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file:
                context.load_cert_chain(self.cert_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            raise LogError(f"TLS to Kafka cannot be set up: {error}") from error
        return context
