"""A large upload to a real server: it goes to disk, and not into memory."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.builders.places import Place

pytestmark = pytest.mark.long
UPLOAD_BYTES = 100_000_000
GROWTH_KIB_MAX = 32 * 1024
LINE = b"2024-01-01,1.5," + b"x" * 200 + b"\n"


def pieces() -> Iterator[bytes]:
    yield b"day,mm,text\n"
    block = LINE * 300
    for _ in range(UPLOAD_BYTES // len(block)):
        yield block


def test_an_upload_does_not_fill_the_memory(own_place: Place) -> None:
    server = own_place.server()
    tokens = json.loads((own_place.folder / "first-tokens.json").read_text())
    status = Path(f"/proc/{server.pid}/status")

    def highest_kib() -> int:
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1])

    with httpx.Client(base_url=server.url, timeout=300.0) as http:

        def call(who: str, path: str, **more: Any) -> Any:
            headers = {"Authorization": f"Bearer {tokens[who]}", "Idempotency-Key": path}
            headers |= {"Prefer": "wait=30", **more.pop("headers", {})}
            answer = http.post(path, headers=headers, **more)
            assert answer.is_success, answer.text
            return answer.json()

        party = {"name": "office", "kind": "government", "roles": ["supplier"]}
        path = f"/v1/parties/{call('operator', '/v1/parties', json=party)['id']}"
        call("operator", f"{path}/verification", json={"method": "register", "evidence": "file 7"})
        call("operator", f"{path}/approval")
        role = {"role": "supplier"}
        tokens["office"] = call("operator", f"{path}/tokens", json=role)["token"]
        before = highest_kib()
        csv = {"Content-Type": "text/csv"}
        row = call("office", "/v1/data-sets?title=Large", content=pieces(), headers=csv)
        grown = highest_kib() - before
    assert server.stop() == 0
    digest = hashlib.sha256()
    for piece in pieces():
        digest.update(piece)
    assert row["content"]["sha256"] == digest.hexdigest()
    assert row["content"]["size_bytes"] > UPLOAD_BYTES - 100_000
    assert grown < GROWTH_KIB_MAX, f"{before} KiB, grown by {grown} KiB"
