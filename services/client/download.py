"""Downloading what a grant opens, paid for once however often the line breaks."""

import hashlib
import re
import time
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx
import msgspec

from services.client.connection import ATTEMPTS_MAX, Connection, Refused, new_key
from services.commands import Exit, UsageError

_SHA256: Final = re.compile(r'"([0-9a-f]{64})"')


class Wish(msgspec.Struct):
    """What was asked for under which key, kept beside the part file before it is sent. `place` is
    where it is delivered again, once it was paid for.
    """

    grant_id: str
    body: dict[str, Any]
    key: str = msgspec.field(default_factory=new_key)
    place: str = ""
    etag: str = ""


class Download:
    """Fetches into `OUT.part`, which becomes `OUT` when it is whole."""

    def __init__(self, connection: Connection, out: Path, wish: Wish) -> None:
        self._connection = connection
        self._out = out
        self._part = out.with_name(f"{out.name}.part")
        self._note = out.with_name(f"{out.name}.part.json")
        self.wish = self._taken_up(wish)

    def run(self) -> int:
        """Return the size in bytes. Raises Refused by the market, UsageError when the line breaks
        too often; the same call then goes on.
        """
        failures = 0
        while failures < ATTEMPTS_MAX:
            before = self._size()
            try:
                self._fetch()
            except httpx.TransportError as error:
                failures = 1 if self._size() > before else failures + 1
                failure = error
                time.sleep(self._connection.first_pause_s * 2 ** (failures - 1))
            else:
                return self._finish()
        raise UsageError(
            f"the line broke off ({type(failure).__name__}) at {self._size():,} bytes; "
            "the same command goes on there, and pays nothing more",
            Exit.UNREACHABLE,
        )

    def _taken_up(self, wish: Wish) -> Wish:
        """Return the wish begun before, or keep this one before it costs anything."""
        if self._out.exists():
            raise UsageError(f"{self._out} exists already; name a file that does not")
        try:
            if not self._note.exists():
                self._part.unlink(missing_ok=True)
                self._keep(wish)
                return wish
            begun = msgspec.json.decode(self._note.read_bytes(), type=Wish)
        except OSError as error:
            raise UsageError(f"{self._note} cannot be used: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise UsageError(f"{self._note} is damaged ({error}); remove it first") from error
        if (begun.grant_id, begun.body) != (wish.grant_id, wish.body):
            raise UsageError(
                f"{self._note} belongs to another download, of {begun.grant_id}; finish that one "
                "or remove it"
            )
        return begun

    def _fetch(self) -> None:
        """Fetch what is missing, in one answer."""
        size = self._size()
        if self.wish.place and size:
            self._go_on(size)
        else:
            path = f"/v1/grants/{self.wish.grant_id}/deliveries"
            with self._connection.stream(
                "POST", path, body=self.wish.body, key=self.wish.key
            ) as answer:
                self.wish.place = answer.headers.get("Content-Location", "")
                self.wish.etag = answer.headers.get("ETag", "")
                self._keep(self.wish)
                self._write(answer, "wb")

    def _go_on(self, size: int) -> None:
        headers = {"Range": f"bytes={size}-"}
        if self.wish.etag:
            headers["If-Range"] = self.wish.etag
        try:
            with self._connection.stream("GET", self.wish.place, headers=headers) as answer:
                is_rest = answer.status_code == httpx.codes.PARTIAL_CONTENT
                self._write(answer, "ab" if is_rest else "wb")
        except Refused as error:
            if error.status != httpx.codes.RANGE_NOT_SATISFIABLE:
                raise  # else there was nothing left to fetch

    def _write(self, answer: httpx.Response, mode: str) -> None:
        with self._part.open(mode) as file:
            for piece in answer.iter_bytes():
                file.write(piece)

    def _finish(self) -> int:
        """Raises UsageError when the file is not the one its tag names."""
        named = _SHA256.fullmatch(self.wish.etag)
        if named is not None:
            with self._part.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != named[1]:
                self._part.unlink()
                raise UsageError(
                    f"what was delivered has SHA-256 {found}, not {named[1]} as promised; the same "
                    "command fetches it anew, and pays nothing more",
                    Exit.FINDING,
                )
        size = self._size()
        self._part.rename(self._out)
        self._note.unlink()
        return size

    def _keep(self, wish: Wish) -> None:
        self._note.write_bytes(msgspec.json.encode(wish))

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0
