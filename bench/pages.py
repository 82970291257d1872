"""Every page's time at the server, one client, warm: with 10,000 listings, 100,000 bids and a
million audit entries (`--days 366`), against the bar of 50 ms at the 95th percentile.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.report import Row, arguments, show
from services.laboratory.scenario_file import read_scenario
from services.laboratory.simulate import simulate
from services.pages.session import COOKIE
from services.pages.views import VIEWS

SCENARIO = Path(__file__).with_name("pages.toml")
BAR_MS = 50
WARM = 3
READY_SECONDS_MAX = 1_800
LEFT_OUT = {"sign-out", "grants/{grant_id}/content"}  # these are forms alone
SEEN_BY = {"publish": "supplier", "money": "buyer", "grants": "buyer"}  # others by the operator


class Server:
    """The market of a folder, served by a process of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "services.cli", "serve", "--port", "0", "--json"]
        self._process = subprocess.Popen(
            [*command, "--data", str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.address = json.loads(self._process.stdout.readline())["url"].removeprefix("http://")
        self.http = HTTPConnection(self.address, timeout=60)
        self.tokens = json.loads((folder / "first-tokens.json").read_text())

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        self.http.request("GET", path, headers=headers)
        answer = self.http.getresponse()
        return answer.status, answer.read()

    def ask(self, path: str, who: str = "operator") -> Any:
        status, body = self.get(path, Authorization=f"Bearer {self.tokens[who]}")
        assert status == 200, (path, body[:200])
        return json.loads(body)

    def speak_for(self, name: str, party_id: str) -> None:
        """Get a token for a party of the market."""
        headers = {
            "Authorization": f"Bearer {self.tokens['operator']}",
            "Idempotency-Key": f"bench-{name}",
            "Content-Type": "application/json",
        }
        body = json.dumps({"role": name, "lasts_ms": 3_600_000})
        self.http.request("POST", f"/v1/parties/{party_id}/tokens", body, headers)
        self.tokens[name] = json.loads(self.http.getresponse().read())["token"]

    def stop(self) -> None:
        self.http.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)


def until_shown(server: Server, seconds_max: float) -> None:
    """Wait until the read models have all there is."""
    end = time.monotonic() + seconds_max
    last, still = -1, 0
    while still < 3:
        newest = server.ask("/v1/trades?newest_first=true&limit=1")["items"]
        at = newest[0]["position"] if newest else 0
        still = still + 1 if at == last else 0
        last = at
        assert time.monotonic() < end, "the read models do not come to their end"
        time.sleep(2)


def places(server: Server) -> dict[str, str]:
    """Return ids of the newest of each thing."""
    newest = "newest_first=true&limit=1"
    (auction,) = server.ask(f"/v1/auctions?{newest}&status=sold")["items"]
    (grant,) = server.ask(f"/v1/grants?{newest}")["items"]
    (trade,) = server.ask(f"/v1/trades?{newest}")["items"]
    (access,) = server.ask(f"/v1/access-requests?{newest}")["items"]
    server.speak_for("buyer", grant["buyer_id"])
    server.speak_for("supplier", auction["supplier_id"])
    return {
        "auction_id": auction["id"],
        "listing_id": auction["listing_id"],
        "grant_id": grant["id"],
        "trade_id": trade["id"],
        "access_id": access["id"],
        "party_id": grant["buyer_id"],
        "position": str(server.ask("/v1/audit/head", "regulator")["size"] // 2),
    }


def page_ms(server: Server, path: str, who: str, calls: int) -> tuple[float, float]:
    """Return p50 and p95 of a page, one after the other."""
    times = []
    for call in range(WARM + calls):
        start = time.perf_counter()
        status, body = server.get(path, Cookie=f"{COOKIE}={server.tokens[who]}")
        if call >= WARM:
            times.append((time.perf_counter() - start) * 1000)
        assert status == 200, (path, body[-400:])
    times.sort()
    return times[calls // 2], times[calls * 95 // 100]


def rows(server: Server, calls: int) -> list[Row]:
    ids, made = places(server), []
    for view in VIEWS:
        if view in LEFT_OUT:
            continue
        who = SEEN_BY.get(view, "operator")
        p50, p95 = page_ms(server, f"/zh/{view.format(**ids)}", who, calls)
        made += [
            Row(f"/{view} by the {who}, p50", p50, "ms"),
            Row(f"/{view} by the {who}, p95", p95, "ms", BAR_MS, True),
        ]
    return made


def main() -> None:
    options = arguments(__doc__ or "", days=366, calls=100)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "market"
        about = simulate(
            read_scenario(SCENARIO, [f"days={options.days}"]), 7, place, lambda done: None
        )
        server = Server(place)
        try:
            until_shown(server, READY_SECONDS_MAX)
            counted = {
                "listings": sum(kind["count"] for kind in about["config"]["listings"]),
                "bids": about["metrics"]["bids"],
                "records": server.ask("/v1/audit/head")["size"],
            }
            title = f"Pages of a market of {counted}, {os.cpu_count()} cores"
            show(title, rows(server, options.calls), options.json)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
