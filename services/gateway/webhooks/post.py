"""One delivery: signed as Standard Webhooks says, posted to exactly one address, within a time."""

import asyncio
import hmac
import re
import ssl
from base64 import b64encode
from collections.abc import Iterable
from typing import Final

from services.gateway.webhooks.target import Target

TIMEOUT_SECONDS: Final = 10.0  # for all of it: connection, handshake, request, first line
LINE_BYTES_MAX: Final = 1_024
SECRET_PREFIX: Final = "whsec_"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r\n]")


class PostError(Exception):
    """The receiver did not take it; the text is kept for its owner to see."""


def signed_headers(
    message_id: str, at_s: int, body: bytes, secrets: Iterable[bytes]
) -> dict[str, str]:
    """Return id, time and signature; while a secret is being changed, one signature for each."""
    content = f"{message_id}.{at_s}.".encode() + body
    signatures = [
        f"v1,{b64encode(hmac.digest(secret, content, 'sha256')).decode()}" for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signatures),
    }


def spell_secret(secret: bytes) -> str:
    return SECRET_PREFIX + b64encode(secret).decode()


async def post(
    target: Target,
    address: str,
    headers: dict[str, str],
    body: bytes,
    timeout_s: float = TIMEOUT_SECONDS,
) -> int:
    """Return the status of the answer; the rest of it is not read. Raises PostError.

    The certificate must be the name's, whatever the address. Redirects are answers like others.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(target, address, headers, body)
    except TimeoutError as error:
        raise PostError(f"no answer within {timeout_s:g} seconds") from error
    except ssl.SSLError as error:
        raise PostError(f"TLS: {error.reason or error}") from error
    except (OSError, ValueError) as error:
        raise PostError(f"{error}"[:200]) from error


async def _exchange(target: Target, address: str, headers: dict[str, str], body: bytes) -> int:
    secure = target.scheme == "https"
    reader, writer = await asyncio.open_connection(
        address,
        target.port,
        limit=LINE_BYTES_MAX,
        ssl=ssl.create_default_context() if secure else None,
        server_hostname=target.host if secure else None,
    )
    try:
        head = {
            "Host": target.authority,
            "User-Agent": "databourse",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **headers,
        }
        lines = [f"{name}: {said}" for name, said in head.items()]
        text = "\r\n".join([f"POST {target.path} HTTP/1.1", *lines, "", ""])
        writer.write(text.encode("ascii") + body)
        await writer.drain()
        found = _STATUS.match(await reader.readline())
        if found is None:
            raise PostError("the answer is not HTTP")
        return int(found[1])
    finally:
        writer.transport.abort()
