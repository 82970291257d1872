"""Unmistakable amounts in sealed bids, proxy maxima and hidden reserves: nobody but their owner
reads one before the end, by whatever route, stream or command there is.
"""

import itertools
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.gateway.access import ACCESS
from services.gateway.webhooks.kinds import KINDS
from tests.builders import walk
from tests.builders.exchange import Remote
from tests.builders.places import EMBEDDED, KAFKA, Place, remote

BIDDERS = ("anna", "bole", "chen")
OTHERS = ("", "idle", "rival", "operator", "regulator")
TERMS = (
    {"format": "sealed_first_price"},
    {"format": "sealed_second_price"},
    {"format": "uniform", "licences": 3},
    {"format": "discriminatory", "licences": 3},
    {"format": "english"},
)
MONEY = 90_000_000_000_000
END_MS = 3_600_000


class Canaries:
    """Amounts that appear nowhere by chance, each with the one who may see it. Nor do two owners'
    totals agree by chance, as those of evenly spaced amounts would.
    """

    def __init__(self) -> None:
        self._bids = _rising(73_190_000_003)
        self._reserves = _rising(91_730_000_009)  # above every bid
        self.of: dict[str, set[int]] = defaultdict(set)

    def new(self, owner: str) -> int:
        amount = next(self._reserves if owner == "seller" else self._bids)
        self.of[owner].add(amount)
        return amount

    def found_in(self, text: str, reader: str) -> set[int]:
        """Return the amounts in a text that its reader may not see."""
        hidden = set().union(*(owned for owner, owned in self.of.items() if owner != reader))
        return {amount for amount in hidden if str(amount) in text}


def _rising(first: int) -> Iterator[int]:
    rng = random.Random(first)
    return itertools.accumulate(iter(lambda: rng.randrange(1, 20_000_000), 0), initial=first)


class House:
    """A market with so many auctions open, in every sealed way, and one that was opened again."""

    def __init__(self, market: Remote, place: Place, auctions: int) -> None:
        self.market, self.place, self.canaries = market, place, Canaries()
        for name in ("seller", "rival"):
            market.party(name, "supplier")
        for name in (*BIDDERS, "idle"):
            market.party(name, "buyer", money=MONEY)
        self.webhook_ids = [self._webhook(name) for name in ("seller", "idle", *BIDDERS)]
        self.auction_ids: list[str] = []
        self.bid_ids: list[str] = []
        self.placed = 0
        for number in range(auctions):
            self._contest(dict(TERMS[number % len(TERMS)]), number)
        self.contested = list(self.auction_ids)
        self._open_again()
        self._know_what_owners_see()

    def _webhook(self, who: str) -> str:
        """Be told everything there is to be told; there is no such address."""
        body = {"target_url": "https://hooks.invalid/", "kinds": list(KINDS)}
        told: str = self.market.ok(who, "POST", "/v1/webhooks", body)["id"]
        return told

    def _contest(self, terms: dict, number: int) -> None:
        terms |= {"reserve_price_minor": self.canaries.new("seller"), "reserve_hidden": True}
        auction_id = self.market.auction("seller", lasts_ms=END_MS, **terms)
        self.auction_ids.append(auction_id)
        english = terms["format"] == "english"
        first, second = BIDDERS[number % 3], BIDDERS[(number + 1) % 3]
        units = (self.canaries.new(first),)
        self._bid(first, auction_id, units)
        if english:
            self._bid(second, auction_id, (5_000,))  # the price, which everybody sees
            self._bid(first, auction_id, (self.canaries.new(first),))
            return
        count = 2 if "licences" in terms else 1
        falling = sorted((self.canaries.new(second) for _ in range(count)), reverse=True)
        self._bid(second, auction_id, tuple(falling))
        self._bid(first, auction_id, (units[0] - 7,))  # replaced, downwards
        self.canaries.of[first].add(units[0] - 7)

    def _bid(self, who: str, auction_id: str, units: tuple[int, ...]) -> None:
        body = {"currency": "CNY", "max_price_minor": units[0], "further_minor": list(units[1:])}
        if not units[1:]:
            del body["further_minor"]
        self.bid_ids.append(
            self.market.ok(who, "POST", f"/v1/auctions/{auction_id}/bids", body)["id"]
        )
        self.placed += 1

    def _open_again(self) -> None:
        """One auction ends unsold, below its reserve, and is opened again: it has not ended."""
        market = self.market
        terms = {
            "format": "sealed_second_price",
            "reserve_price_minor": self.canaries.new("seller"),
            "reserve_hidden": True,
            "relist": {"times_max": 1, "after_ms": 0, "lasts_ms": END_MS, "price_bps": 8_000},
        }
        auction_id = market.auction("seller", lasts_ms=1_000, **terms)
        body = {"currency": "CNY", "max_price_minor": self.canaries.new("anna")}
        market.call("anna", "POST", f"/v1/auctions/{auction_id}/bids", body)
        self.again = market.once_ended(auction_id)["relisted_as"]
        self.auction_ids += [auction_id, self.again]

    def _know_what_owners_see(self) -> None:
        """Balances and statement lines that move by a bid give it away as well as itself would."""
        for name in BIDDERS:
            path = f"/v1/parties/{self.market.ids[name]}"
            for row in self.market.ok(name, "GET", f"{path}/balances"):
                self.canaries.of[name].add(row["balance_minor"])
            lines = self.market.ok(name, "GET", f"{path}/statement?limit=1000")["items"]
            for line in lines:
                self.canaries.of[name] |= {abs(line["amount_minor"]), line["balance_minor"]}
            self.canaries.of[name] = {n for n in self.canaries.of[name] if n > 10**9} - {MONEY}
        for one, other in itertools.combinations(self.canaries.of.values(), 2):
            assert not one & other, "what two own gives neither away"

    def known(self) -> walk.Known:
        self.size = self.market.published()
        ask = self.market.ok
        rows = {
            name: [row["id"] for row in ask("operator", "GET", f"/v1/{name}?limit=1000")["items"]]
            for name in ("parties", "listings", "auctions", "trades", "grants")
        }
        shown = [ask("", "GET", f"/v1/listings/{id}")["data_set_id"] for id in rows["listings"]]
        return walk.Known(
            self.size,
            party_id=[*rows["parties"], "venue", "treasury", "external"],
            listing_id=rows["listings"],
            auction_id=[*rows["auctions"], "auc_nowhere"],
            trade_id=[*rows["trades"], "trd_nowhere"],
            grant_id=[*rows["grants"], "grt_nowhere"],
            data_set_id=shown,
            bid_id=self.bid_ids,
            command_id=[*self.bid_ids, *self.auction_ids],
            access_id=["acc_nowhere"],
            webhook_id=self.webhook_ids,
        )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((EMBEDDED, 10), id="10"),
        pytest.param((EMBEDDED, 200), id="200", marks=pytest.mark.long),
        pytest.param(("kafka", 4), id="kafka", marks=KAFKA.marks),
    ],
)
def house(request: pytest.FixtureRequest, new_place: Callable[[str], Place]) -> Iterator[House]:
    kind, auctions = request.param
    place = new_place(kind)
    market = remote(place)
    try:
        yield House(market, place, auctions)
    finally:
        market.close()


@pytest.mark.parametrize("who", OTHERS, ids=lambda who: who or "nobody")
def test_no_route_shows_another_party_a_sealed_amount(house: House, who: str) -> None:
    asked = 0
    for what, text in walk.pages(house.market, who, house.known()):
        asked += 1
        assert house.canaries.found_in(text, who) == set(), what
    assert asked >= sum(method == "GET" for method, _ in ACCESS) - 1


@pytest.mark.parametrize("who", ["seller", *BIDDERS])
def test_who_takes_part_sees_what_is_theirs_and_nothing_more(house: House, who: str) -> None:
    """The negative control: the same walk finds what belongs to the walker."""
    own = set()
    for what, text in walk.pages(house.market, who, house.known()):
        assert house.canaries.found_in(text, who) == set(), what
        own |= {amount for amount in house.canaries.of[who] if str(amount) in text}
    assert own == house.canaries.of[who]


@pytest.mark.parametrize("who", ["", "idle", "regulator"], ids=lambda who: who or "nobody")
def test_the_stream_shows_no_sealed_amount(house: House, who: str) -> None:
    def is_last(event: dict) -> bool:
        return event["type"] == "AuctionOpened" and event["id"] == house.again

    heard = walk.stream(house.market, who, is_last)
    assert heard.count("event: BidPlaced") >= house.placed
    assert house.canaries.found_in(heard, who) == set()


def test_refusals_tell_nothing(house: House) -> None:
    market, wrong = house.market, {"reason": "changed plans"}
    for auction_id in house.contested[:8]:
        path = f"/v1/auctions/{auction_id}"
        bid = {"currency": "CNY", "max_price_minor": 1_001}
        told = [
            market.call("seller", "POST", f"{path}/withdrawal", wrong),
            market.call("rival", "POST", f"{path}/withdrawal", wrong),
            market.call("operator", "POST", f"{path}/extension", {**wrong, "ends_at_ms": 1}),
            market.call("idle", "POST", f"{path}/bids", {**bid, "max_price_minor": 1}),
            market.call("idle", "POST", f"{path}/bids", {**bid, "max_price_minor": MONEY * 2}),
            market.call("idle", "POST", f"{path}/bids", {**bid, "currency": "USD"}),
        ]
        for answer in told:
            assert not answer.is_success
            assert house.canaries.found_in(answer.text, "") == set()


def test_no_command_and_no_line_of_the_log_shows_a_sealed_amount(
    house: House, tmp_path: Path
) -> None:
    known = house.known()
    positions = list(range(0, house.size, max(1, house.size // 40)))
    sealed = 0
    for line, text in walk.outputs(house.place, tmp_path, known.of("party_id"), positions):
        sealed += '"sealed": true' in text
        assert house.canaries.found_in(text, "") == set(), line
    assert sealed > 5
    assert house.canaries.found_in(house.place.printed(), "") == set()


def test_every_command_on_a_data_folder_is_walked_or_excused() -> None:
    assert walk.commands_on_a_folder() == set(walk.READING) | walk.NOT_READING


def test_after_the_end_the_regulator_reads_what_was_sealed(house: House) -> None:
    """And so the walk before would have found it."""
    auction_id = house.auction_ids[0]
    body = {"reason": "outage"}
    house.market.ok("operator", "POST", f"/v1/auctions/{auction_id}/cancellation", body)
    house.known()
    shown = set()
    for position in range(min(house.size, 300)):  # the first auction's are early
        text = json.dumps(house.market.ok("regulator", "GET", f"/v1/audit/entries/{position}"))
        shown |= house.canaries.found_in(text, "regulator")
    amounts = {
        amount
        for name in BIDDERS
        for row in house.market.ok(name, "GET", "/v1/bids?limit=1000")["items"]
        if row["auction_id"] == auction_id
        for amount in (row["max_price_minor"], *row["further_minor"])
    }
    assert len(amounts) == 3
    assert amounts < shown
    still_sealed = set().union(*house.canaries.of.values()) - shown
    assert len(still_sealed) > len(shown)
