"""Connections of clients that mean ill: ended by the server, in bounded memory."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from services.gateway.guard import HEAD_BYTES_MAX
from services.gateway.protocol import PatientProtocol

HEAD = b"GET / HTTP/1.1\r\nhost: here\r\n"
END_SECONDS_MAX = 20.0  # a test that waits so long has failed


class Impatient(PatientProtocol):
    head_s = 0.05
    reader_s = 0.05


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers without reading the body; under /endless it sends until nobody takes it."""
    start = {"type": "http.response.start", "status": 200, "headers": []}
    await send(start)
    while scope["path"] == "/endless" and not stopped.is_set():
        await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b"done"})


stopped = threading.Event()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=Impatient, lifespan="off", log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    stopped.set()
    server.should_exit = True
    thread.join()
    listener.close()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), END_SECONDS_MAX)


def until_end(connection: socket.socket) -> bytes:
    """Return what comes until the server ends the connection."""
    heard = b""
    with connection:
        try:
            while piece := connection.recv(65_536):
                heard += piece
        except ConnectionResetError:
            pass
    return heard


def send_on(connection: socket.socket, piece: bytes, pause_s: float) -> None:
    """Send again and again, until the server ends it."""
    with connection:
        while not stopped.wait(pause_s):
            connection.sendall(piece)


def test_a_whole_request_is_answered(port: int) -> None:
    connection = connected(port)
    connection.sendall(HEAD + b"connection: close\r\n\r\n")
    assert until_end(connection).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("sent", [b"", b"GET", HEAD, HEAD + b"x-a: b", b"\r\n"])
def test_a_head_that_does_not_end_is_not_waited_for(port: int, sent: bytes) -> None:
    connection = connected(port)
    connection.sendall(sent)
    assert until_end(connection) == b""


def test_a_second_head_that_does_not_end_is_not_waited_for(port: int) -> None:
    connection = connected(port)
    connection.sendall(HEAD + b"\r\n")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    connection.sendall(HEAD)
    assert b"HTTP" not in until_end(connection)


def test_a_head_that_trickles_is_not_waited_for(port: int) -> None:
    connection = connected(port)
    connection.sendall(HEAD)
    with pytest.raises(ConnectionError):
        send_on(connection, b"x: y\r\n", 0.005)


@pytest.mark.parametrize("start", [b"x-a: ", b"x-a: b\r\nx-c: "])
def test_a_head_without_end_is_cut_off(port: int, start: bytes) -> None:
    connection = connected(port)
    connection.sendall(HEAD + start + b"a" * (HEAD_BYTES_MAX + 1))
    assert until_end(connection).startswith(b"HTTP/1.1 431 ")


def test_a_body_nobody_wants_is_not_waited_for(port: int) -> None:
    connection = connected(port)
    connection.sendall(b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 1000000\r\n\r\n" + b"a")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK")
    connection.sendall(b"a")
    assert b"HTTP" not in until_end(connection)


def test_who_does_not_read_is_cut_off(port: int) -> None:
    connection = connected(port)
    connection.sendall(b"GET /endless HTTP/1.1\r\nhost: here\r\n\r\n")
    connection.recv(10)
    with pytest.raises(ConnectionError):
        send_on(connection, b"x", 0.1)
