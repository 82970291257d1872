"""Where a webhook may go: a public address, spelled in the one way everybody reads the same.

Checked when it is stated and again, address by address, when it is used.
"""

import asyncio
import ipaddress
import re
import socket
from typing import Final, NamedTuple

URL_CHARACTERS_MAX: Final = 1_000
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]{2,45}\]|[a-zA-Z0-9.-]{1,253})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>/[!$&'()*+,;=:@/?%A-Za-z0-9._~-]*)?"
)
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INSIDE: Final = tuple(  # of the special-purpose registries, what some Python takes for public
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "fec0::/10",
        "64:ff9b::/32",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
    )
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TargetError(ValueError):
    """A webhook may not go there; the text says why."""


class Target(NamedTuple):
    """`path` with its query, as it goes into the request."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        standard = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == standard else f"{host}:{self.port}"


def parse_target(url: str, *, private: bool) -> Target:
    """`private` also lets through http and addresses inside. Raises TargetError."""
    found = _URL.fullmatch(url)
    if found is None or len(url) > URL_CHARACTERS_MAX:
        raise TargetError("write it as https://HOST[:PORT][/PATH], without user, spaces or #")
    scheme, host = found["scheme"], found["host"].lower()
    if scheme != "https" and not private:
        raise TargetError("only https is taken")
    port = int(found["port"] or (443 if scheme == "https" else 80))
    if port > 65_535:
        raise TargetError(f"{port} is no port")
    literal = _literal(host)
    if literal is not None:
        check_address(literal, private=private)
        host = str(literal)
    else:
        _check_name(host, private=private)
    return Target(scheme, host, port, found["path"] or "/")


def check_address(address: Address, *, private: bool) -> None:
    """Raises TargetError for what is not reached over the public internet as itself."""
    if private:
        return
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.scope_id):
        raise TargetError(f"{address} is another address in disguise")
    inside = any(address in network for network in _INSIDE)
    if inside or not address.is_global or address.is_multicast or address.is_reserved:
        raise TargetError(f"{address} is not a public address")


async def resolve(target: Target, *, private: bool) -> str:
    """Return the address to connect to. Raises TargetError when any of the name's is refused.

    Who connects must use this address, not the name, which may say something else a moment later.
    """
    literal = _literal(f"[{target.host}]" if ":" in target.host else target.host)
    if literal is not None:
        check_address(literal, private=private)
        return str(literal)
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TargetError(f"{target.host} has no address: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        check_address(ipaddress.ip_address(address), private=private)
    return addresses[0]


def _literal(host: str) -> Address | None:
    """Return the address a host is, if any. Raises TargetError for another way to write it."""
    try:
        if host.startswith("["):
            return ipaddress.IPv6Address(host[1:-1])
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            return ipaddress.IPv4Address(host)
    except ValueError as error:
        raise TargetError(
            f"{host} is not a name, nor an address as it should be written"
        ) from error
    return None


def _check_name(host: str, *, private: bool) -> None:
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetError(f"{host} is no host name; write other letters in Punycode")
    if len(labels) < 2 and not private:
        raise TargetError(f"{host} is a name inside a network only")
