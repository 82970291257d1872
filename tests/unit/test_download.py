"""A download over a line that breaks: taken up where it broke, paid for once."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from services.client.connection import Connection, Refused
from services.client.download import Download, Wish
from services.commands import UsageError

CONTENT = bytes(range(256)) * 40
TAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
PLACE = "/v1/grants/grt_rain01/deliveries/usg_rain01"


class Market(httpx.BaseTransport):
    """Delivers CONTENT, and breaks off each answer after `break_after` bytes while `breaks` are
    left.
    """

    def __init__(self, breaks: int = 0, break_after: int = 1_000, tag: str = TAG) -> None:
        self.breaks, self.break_after, self.tag = breaks, break_after, tag
        self.asked: list[str] = []
        self.keys: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        wanted = request.headers.get("Range", "bytes=0-")
        self.asked.append(f"{request.method} {wanted}")
        if request.method == "POST":
            self.keys.add(request.headers["Idempotency-Key"])
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if request.method == "GET" and start >= len(CONTENT):
            return httpx.Response(416, json={"type": "/problems/range", "detail": "no such range"})
        headers = {"Content-Location": PLACE, "ETag": self.tag}
        status = 206 if request.method == "GET" else 200
        return httpx.Response(status, headers=headers, stream=_Line(self._pieces(start)))

    def _pieces(self, start: int) -> Iterator[bytes]:
        end = len(CONTENT)
        if self.breaks:
            self.breaks -= 1
            yield CONTENT[start : start + self.break_after]
            raise httpx.ReadError("the line broke")
        yield CONTENT[start:end]


class _Line(httpx.SyncByteStream):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


def download(market: httpx.BaseTransport, out: Path, wish: Wish | None = None) -> int:
    with httpx.Client(transport=market, base_url="http://market") as http:
        return Download(Connection(http, "", 0.0), out, wish or Wish("grt_rain01", {})).run()


def test_a_file_comes_whole(tmp_path: Path) -> None:
    market = Market()
    assert download(market, tmp_path / "rain.csv") == len(CONTENT)
    assert (tmp_path / "rain.csv").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["rain.csv"]


def test_a_line_that_breaks_is_taken_up_where_it_broke(tmp_path: Path) -> None:
    market = Market(breaks=3)
    assert download(market, tmp_path / "rain.csv") == len(CONTENT)
    assert (tmp_path / "rain.csv").read_bytes() == CONTENT
    assert market.asked == [
        "POST bytes=0-", "GET bytes=1000-", "GET bytes=2000-", "GET bytes=3000-",
    ]  # fmt: skip
    assert len(market.keys) == 1


def test_a_command_that_ended_is_taken_up_by_the_next_under_the_same_key(tmp_path: Path) -> None:
    out = tmp_path / "rain.csv"
    market = Market(breaks=9, break_after=0)
    with pytest.raises(UsageError, match="the same command goes on there") as told:
        download(market, out)
    assert told.value.exit_code == 3
    assert not out.exists()
    market.breaks, market.break_after = 1, 1_000
    assert download(market, out) == len(CONTENT)
    assert out.read_bytes() == CONTENT
    assert len(market.keys) == 1


def test_a_file_that_was_whole_before_the_line_broke_is_kept(tmp_path: Path) -> None:
    market = Market(breaks=1, break_after=len(CONTENT))
    assert download(market, tmp_path / "rain.csv") == len(CONTENT)
    assert (tmp_path / "rain.csv").read_bytes() == CONTENT


def test_a_file_that_is_not_what_its_tag_says_is_not_kept(tmp_path: Path) -> None:
    market = Market(tag=f'"{"0" * 64}"')
    with pytest.raises(UsageError, match="as promised") as told:
        download(market, tmp_path / "rain.csv")
    assert told.value.exit_code == 1
    assert not (tmp_path / "rain.csv").exists()


def test_another_wish_does_not_take_up_the_part_of_the_first(tmp_path: Path) -> None:
    out = tmp_path / "rain.csv"
    with pytest.raises(UsageError):
        download(Market(breaks=9, break_after=0), out)
    with pytest.raises(UsageError, match="belongs to another download"):
        download(Market(), out, Wish("grt_rain01", {"limit": 5}))
    out.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        download(Market(), out)


def test_a_refusal_is_told_and_keeps_the_key(tmp_path: Path) -> None:
    class Refusing(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            problem = {"type": "/problems/grant_suspended", "detail": "Top up its budget."}
            return httpx.Response(409, json=problem)

    with pytest.raises(Refused, match="grant_suspended: Top up its budget"):
        download(Refusing(), tmp_path / "rain.csv")
    assert (tmp_path / "rain.csv.part.json").exists()
