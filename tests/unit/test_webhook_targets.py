"""Where webhooks may go: spelled plainly, to addresses of the public internet alone."""

import asyncio
import ipaddress

import pytest

from services.gateway.webhooks.target import (
    Target,
    TargetError,
    check_address,
    parse_target,
    resolve,
)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.org", ("https", "hooks.example.org", 443, "/")),
        ("https://Hooks.Example.org/a?b=c", ("https", "hooks.example.org", 443, "/a?b=c")),
        ("https://hooks.example.org:8443/", ("https", "hooks.example.org", 8_443, "/")),
        ("https://xn--fiqs8s.example/", ("https", "xn--fiqs8s.example", 443, "/")),
        ("https://93.184.215.14/x", ("https", "93.184.215.14", 443, "/x")),
        ("https://[2606:2800:21f:cb07::1]/", ("https", "2606:2800:21f:cb07::1", 443, "/")),
    ],
)
def test_a_public_address_is_taken(url: str, target: tuple[str, str, int, str]) -> None:
    assert parse_target(url, private=False) == Target(*target)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "HTTPS://hooks.example.org/",
        "https:hooks.example.org",
        "https:///hooks.example.org",
        "https://",
        "https://user@hooks.example.org/",
        "https://user:word@hooks.example.org/",
        "https://hooks.example.org:0/",
        "https://hooks.example.org:65536/",
        "https://hooks.example.org:8443x/",
        "https://hooks.example.org\\@127.0.0.1/",
        "https://hooks.example.org/#part",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nHost: inside",
        "https://hooks.example.org/\x00",
        " https://hooks.example.org/",
        "https://hooks.example.org./",
        "https://.example.org/",
        "https://hooks..example.org/",
        "https://-hooks.example.org/",
        "https://hooks_.example.org/",
        "https://%68ooks.example.org/",
        "https://交易.example.org/",
        "https://①②⑦.0.0.1/",
        "https://localhost/",
        "https://localhost:443/",
        "https://metadata/",
        "https://" + "a" * 64 + ".example.org/",
        "https://hooks.example.org/" + "a" * 1_000,
    ],
)
def test_an_odd_spelling_is_refused(url: str) -> None:
    with pytest.raises(TargetError):
        parse_target(url, private=False)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:93.184.215.14]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::10.0.0.1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[1::2::3]",
        "[127.0.0.1]",
    ],
)
def test_an_address_inside_or_in_disguise_is_refused(host: str) -> None:
    with pytest.raises(TargetError):
        parse_target(f"https://{host}/", private=False)


def test_inside_is_let_through_where_the_operator_says_so() -> None:
    assert parse_target("http://127.0.0.1:8080/x", private=True) == Target(
        "http", "127.0.0.1", 8_080, "/x"
    )
    assert parse_target("http://localhost/", private=True).host == "localhost"
    with pytest.raises(TargetError):
        parse_target("http://0x7f.1/", private=True)


def test_a_name_is_looked_up_when_it_is_used() -> None:
    """`localhost` is a name whose address every machine knows."""
    target = Target("https", "localhost", 443, "/")
    with pytest.raises(TargetError, match="not a public address"):
        asyncio.run(resolve(target, private=False))
    assert ipaddress.ip_address(asyncio.run(resolve(target, private=True))).is_loopback


def test_a_public_address_passes_the_check() -> None:
    for text in ("93.184.215.14", "2606:2800:21f:cb07::1"):
        check_address(ipaddress.ip_address(text), private=False)
