"""Ports for servers on the loopback address."""

import random
import socket
from typing import Final

from services.local.daemon import LocalError

HOST: Final = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections: a client that keeps
# trying to reach a server that is down could otherwise be given the very port it wants to reach.
PORTS: Final = range(20_000, 32_000)
PORT_TRIES: Final = 100


def free_port(besides: int = 0) -> int:
    for port in random.sample(PORTS, PORT_TRIES):
        if port != besides and is_free(port):
            return port
    raise LocalError(
        f"no free port found between {PORTS.start} and {PORTS.stop}: choose one with --port"
    )


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
