"""Where a cluster is: options that its commands have, each also a variable of the environment."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from schemas.topics import PARTITION_OF_VENUE
from services.commands import UsageError
from streams.kafka.settings import KafkaSettings
from streams.log import LogError

LogUrl = Annotated[
    str,
    typer.Option(
        "--log",
        envvar="DATABOURSE_LOG",
        show_default=False,
        help="Kafka: kafka://HOST:PORT[,HOST:PORT...]; kafkas:// with TLS.",
    ),
]
KafkaUser = Annotated[
    str, typer.Option("--kafka-user", envvar="DATABOURSE_KAFKA_USER", help="For SASL.")
]
KafkaPasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--kafka-password-file",
        envvar="DATABOURSE_KAFKA_PASSWORD_FILE",
        help="A file that holds the SASL password alone.",
    ),
]
KafkaMechanism = Annotated[
    str,
    typer.Option(
        "--kafka-mechanism",
        envvar="DATABOURSE_KAFKA_MECHANISM",
        help="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.",
    ),
]
KafkaCaFile = Annotated[
    Path | None,
    typer.Option("--kafka-ca-file", envvar="DATABOURSE_KAFKA_CA_FILE", help="PEM, for TLS."),
]
KafkaCertFile = Annotated[
    Path | None,
    typer.Option("--kafka-cert-file", envvar="DATABOURSE_KAFKA_CERT_FILE", help="PEM, our own."),
]
KafkaKeyFile = Annotated[
    Path | None,
    typer.Option("--kafka-key-file", envvar="DATABOURSE_KAFKA_KEY_FILE", help="PEM, its key."),
]
DEFAULT_MECHANISM: Final = "SCRAM-SHA-512"
_KAFKA: Final[dict[str, tuple[Any, Any]]] = {
    "kafka_user": (KafkaUser, ""),
    "kafka_password_file": (KafkaPasswordFile, None),
    "kafka_mechanism": (KafkaMechanism, DEFAULT_MECHANISM),
    "kafka_ca_file": (KafkaCaFile, None),
    "kafka_cert_file": (KafkaCertFile, None),
    "kafka_key_file": (KafkaKeyFile, None),
}


def kafka_settings(
    url: str,
    user: str = "",
    password_file: Path | None = None,
    mechanism: str = DEFAULT_MECHANISM,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
) -> KafkaSettings:
    """Raises UsageError that says which option is wrong; no password is told back."""
    more: dict[str, str] = {"user": user} if user else {}
    try:
        if password_file is not None:
            more["password"] = password_file.read_text().strip()
        settings = KafkaSettings.parse(
            url,
            mechanism=mechanism,
            ca_file=ca_file,
            cert_file=cert_file,
            key_file=key_file,
            **more,
        )
        settings.client()
    except (LogError, OSError) as error:
        raise UsageError(f"--log: {error}") from error
    return settings


Command = Callable[..., None]


def on_kafka(*, needed: bool = True) -> Callable[[Command], Command]:
    """Give a command the options that say where Kafka is and how to speak to it. It takes what
    they say as `kafka`, which is None where that is not needed and there is no --log.
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command)

        @wraps(command)
        def with_kafka(**given: Any) -> None:
            said = {name.removeprefix("kafka_"): given.pop(name) for name in _KAFKA}
            url = given.pop("log")
            command(kafka=kafka_settings(url, **said) if url or needed else None, **given)

        keep = [p for name, p in own.parameters.items() if name != "kafka"]
        more = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
            )
            for name, (kind, default) in {"log": (LogUrl, ""), **_KAFKA}.items()
        ]
        with_kafka.__signature__ = own.replace(  # type: ignore[attr-defined]
            parameters=[p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in keep] + more
        )
        with_kafka.__annotations__ = {p.name: p.annotation for p in [*keep, *more]}
        return with_kafka

    return decorate


def venue_named(name: str) -> str:
    """Raises UsageError when there is no such venue."""
    if name not in PARTITION_OF_VENUE:
        names = ", ".join(PARTITION_OF_VENUE)
        raise UsageError(f"--venue: there is no {name!r}; there are {names}")
    return name
