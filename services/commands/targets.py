"""A market over the network."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx

from services.client.connection import TIMEOUT_SECONDS, Connection
from services.commands import UsageError


@contextmanager
def over_network(url: str, token: str) -> Iterator[Connection]:
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--url {url!r} is no address of a market, such as http://127.0.0.1:8321")
    with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS) as http:
        yield Connection(http, token)
