"""A real server under clients that mean ill: its memory stays bounded, and it still answers."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.builders.server import Server

pytestmark = pytest.mark.long
GROWTH_KIB_MAX = 128 * 1024  # 64 MiB of bodies under way, twice
PATIENCE_S = 120.0  # of a machine that has other work too
CONNECTIONS = 300


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("memory") / "market"
    made = Server(folder)
    made.token = json.loads((folder / "first-tokens.json").read_text())["operator"]  # type: ignore[attr-defined]
    yield made
    assert made.stop() == 0


def resident_kib(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1])


def head(server: Server, length: int) -> bytes:
    return (
        f"POST /v1/parties HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {server.token}\r\n"  # type: ignore[attr-defined]
        f"Idempotency-Key: k\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def whole_bodies(server: Server, body: bytes) -> list[int]:
    """Send the same body many times, several at once; return the statuses."""
    statuses: list[int] = []
    headers = {
        "Authorization": f"Bearer {server.token}",  # type: ignore[attr-defined]
        "Content-Type": "application/json",
    }

    def send(number: int) -> None:
        with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as http:
            for again in range(40):
                key = {"Idempotency-Key": f"{number}-{again}"}
                answer = http.post("/v1/parties", content=body, headers={**headers, **key})
                statuses.append(answer.status_code)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def large_bodies(server: Server) -> None:
    assert set(whole_bodies(server, b" " * 1_000_000)) == {413}


def deep_bodies(server: Server) -> None:
    assert set(whole_bodies(server, b"[" * 100_000 + b"]" * 100_000)) == {400}


def wide_bodies(server: Server) -> None:
    wide = json.dumps({f"key{number}": number for number in range(9_000)}).encode()
    assert set(whole_bodies(server, wide)) == {422}


def unfinished(start: Callable[[Server], bytes]) -> Callable[[Server], None]:
    """Many connections at once, each with the beginning of a request and no end."""

    def attack(server: Server) -> None:
        address = server.url.removeprefix("http://").split(":")
        with ExitStack() as held:
            for _ in range(CONNECTIONS):
                connection = socket.create_connection((address[0], int(address[1])), PATIENCE_S)
                held.enter_context(connection)
                connection.sendall(start(server))
            assert httpx.get(f"{server.url}/healthz", timeout=PATIENCE_S).is_success

    return attack


ATTACKS = {
    "bodies of a megabyte": large_bodies,
    "deep JSON": deep_bodies,
    "wide JSON": wide_bodies,
    "bodies that stop": unfinished(lambda server: head(server, 200_000) + b"x" * 199_999),
    "heads that stop": unfinished(lambda server: b"GET / HTTP/1.1\r\nx: " + b"x" * 30_000),
    "readers that do not read": unfinished(
        lambda server: b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n" * 9
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_memory_stays_bounded(server: Server, name: str) -> None:
    before = resident_kib(server)
    for _ in range(2):
        ATTACKS[name](server)
    grown = resident_kib(server) - before
    assert grown < GROWTH_KIB_MAX, f"{name}: {before} KiB, grown by {grown} KiB"
    assert httpx.get(f"{server.url}/readyz", timeout=PATIENCE_S).is_success
