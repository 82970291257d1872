"""A disk that is full: what cannot be kept is refused and not acknowledged, the process says what
to do, and with space again a restart goes on.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.builders.exchange import CSV, Exchange
from tests.builders.needs import lacking
from tests.builders.server import Server
from tests.builders.trail import effects, findings

LIMIT_BYTES = 700_000  # of one file
DISK_BYTES = 8_000_000
LEFT_BYTES = 1_500_000
TRIES_MAX = 2_000
LIMITED = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT_BYTES}, {LIMIT_BYTES}))
from services.cli import main
sys.argv[1:1] = ["serve"]
main()
"""


class Market:
    """A prepared folder, and what was acknowledged by the servers on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        market = Exchange(folder)
        market.party("seller", "supplier")
        self.buyer_id = market.party("anna", "buyer", money=1_000)
        market.close()
        self.tokens = market.tokens
        self.acknowledged: list[str] = []
        self.sent = 0

    def deposit(self, url: str) -> httpx.Response:
        self.sent += 1
        money = {"currency": "CNY", "amount_minor": 7, "reference": "bank " + "x" * 180}
        return self.post(url, "operator", f"/v1/parties/{self.buyer_id}/deposits", json=money)

    def post(self, url: str, who: str, path: str, **content: object) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self.tokens[who]}",
            "Idempotency-Key": f"{who}-{self.sent}",
            "Content-Type": "text/csv" if "content" in content else "application/json",
        }
        return httpx.post(f"{url}{path}", headers=headers, timeout=30.0, **content)

    def deposit_until_refused(self, url: str) -> httpx.Response:
        for _ in range(TRIES_MAX):
            answer = self.deposit(url)
            if answer.status_code != 202:
                return answer
            self.acknowledged.append(answer.json()["id"])
        pytest.fail("the disk did not become full")

    def goes_on(self) -> None:
        """Restart with space: all that was acknowledged is there once, and more is taken."""
        assert findings(self.folder) == []
        with Server(self.folder) as server:
            self.sent -= 1  # the refused one, under its own key
            answer = self.deposit(server.url)
            assert answer.status_code == 202, answer.text
            self.acknowledged.append(answer.json()["id"])
            assert httpx.get(f"{server.url}/readyz").status_code == 200
            assert server.stop() == 0
        assert findings(self.folder) == []
        done = effects(self.folder)
        assert {id: done[id] for id in self.acknowledged} == dict.fromkeys(self.acknowledged, 1)
        assert set(done.values()) == {1}


def refuses(market: Market, server: Server) -> None:
    """The commit fails: 503, nothing more is taken, and the process says what to do."""
    refused = market.deposit_until_refused(server.url)
    assert refused.status_code == 503, refused.text
    assert refused.json()["type"] == "/problems/log_unavailable"
    assert market.deposit(server.url).status_code == 503
    market.sent -= 1
    assert httpx.get(f"{server.url}/readyz").status_code == 503
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    assert server.stop() == 1
    told = market.folder.with_name(f"{market.folder.name}.stderr").read_text()
    assert "no command is taken any more: the commit failed" in told
    assert "then restart" in told
    assert "Traceback" not in told
    assert len(market.acknowledged) > 10, "too little was acknowledged to prove anything"


@pytest.mark.long
def test_a_file_that_may_not_grow_is_refused_and_survived(tmp_path: Path) -> None:
    market = Market(tmp_path / "market")
    with Server(market.folder, "-c", LIMITED) as server:
        refuses(market, server)
    market.goes_on()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, where mounting is allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        lacking(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path, left: int) -> Path:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free - left))
    return ballast


@pytest.mark.long
def test_a_full_disk_is_refused_and_survived(disk: Path, tmp_path: Path) -> None:
    folder = tmp_path / "market"
    folder.symlink_to(disk / "market")
    (disk / "market").mkdir()
    market = Market(folder)
    ballast = fill(disk, LEFT_BYTES)
    with Server(folder) as server:
        refuses(market, server)
    ballast.unlink()
    market.goes_on()


@pytest.mark.long
def test_an_upload_or_a_token_on_a_full_disk_is_refused_and_leaves_nothing(
    disk: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "market"
    folder.symlink_to(disk / "market")
    (disk / "market").mkdir()
    market = Market(folder)
    path = f"/v1/parties/{market.buyer_id}/tokens"
    with Server(folder) as server:
        ballast = fill(disk, 100_000)
        rows = CSV + b"2024-02-01,2\n" * 40_000
        upload = market.post(server.url, "seller", "/v1/data-sets?title=Rain", content=rows)
        assert upload.status_code == 503, upload.text
        assert upload.headers["content-type"] == "application/problem+json"
        assert list((folder / "content").iterdir()) == []
        rest = fill_up(disk)
        for number in range(1, 20):
            market.sent = number
            issued = market.post(server.url, "operator", path, json={"role": "buyer"})
            if issued.status_code == 503:
                break
        assert issued.status_code == 503, issued.text
    ballast.unlink()
    rest.unlink()
    with Server(folder) as server:
        assert market.post(server.url, "operator", path, json={"role": "buyer"}).is_success
        assert server.stop() == 0
    assert findings(folder) == []


def fill_up(disk: Path) -> Path:
    path = disk / "rest"
    with suppress(OSError), path.open("wb", buffering=0) as rest:
        while True:
            rest.write(bytes(4096))
    return path
