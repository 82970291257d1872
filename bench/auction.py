"""The English auction's decider against a bare loop of the same rule on the same bids."""

import random
from hashlib import sha256

from bench.report import Row, arguments, best_seconds, show
from market import auction
from market.auction_state import Auction, Bid
from market.clearing import increment_at
from market.formats import english
from market.venue import Emission
from schemas.auctions import INCREMENT_TABLES, EnglishTerms
from schemas.envelope import encode
from schemas.events import BidPlaced
from schemas.ids import make_id
from streams.scribe import Scribe

TERMS = EnglishTerms(
    currency="CNY",
    starts_at_ms=0,
    ends_at_ms=10**12,
    start_price_minor=1_000,
    increments=INCREMENT_TABLES["ebay-2003"],
)


def bids(count: int) -> list[Bid]:
    rng = random.Random(7)
    amounts, amount = [], 1_000
    for _ in range(count):
        amount += rng.randint(0, 25_000)  # most bids are above the minimum and take the lead
        amounts.append(max(1, amount))
    return [
        Bid(
            id=make_id("bid", str(number)),
            bidder_id=f"pty_{rng.randrange(50)}",
            max_price_minor=amount,
            at_ms=number,
            buyer_fee_bps=0,
            nonce="0" * 32,
        )
        for number, amount in enumerate(amounts)
    ]


def bare(placed: list[Bid]) -> int:
    """The rule and nothing else: leader, price, increments."""
    increments = TERMS.increments
    leader, highest, rival, price = "", 0, 0, TERMS.start_price_minor
    for bid in placed:
        amount = bid.max_price_minor
        if bid.bidder_id == leader:
            if amount <= highest:
                continue
            highest = amount
        elif amount < (price + increment_at(increments, price) if leader else price):
            continue
        elif amount > highest:
            leader, highest, rival = bid.bidder_id, amount, highest
        else:
            rival = max(rival, amount)
        if rival:
            price = max(price, min(highest, rival + increment_at(increments, rival)))
    return price


def decided(placed: list[Bid]) -> tuple[int, list[Emission]]:
    state = Auction(
        id="auc_bench",
        listing_id="lst_bench",
        supplier_id="pty_seller",
        terms=TERMS,
        ends_at_ms=TERMS.ends_at_ms,
        price_minor=TERMS.start_price_minor,
    )
    events = []
    for bid in placed:
        if english.refuse(state, bid) is not None:
            continue
        for event in english.place(state, bid):
            if type(event) is BidPlaced:
                auction.placed_effect(state, event)
            else:
                auction.ended_effect(state, event)  # type: ignore[arg-type]
            events.append(event)
    return state.price_minor, events


def main() -> None:
    options = arguments(__doc__ or "", bids=100_000)
    placed = bids(options.bids)
    price, events = decided(placed)
    assert price == bare(placed), "the decider and the bare loop must agree"
    scribe = Scribe("gx", {})
    records = [scribe.write(event, "bid_bench", "settlement-1") for event in events]
    base = best_seconds(lambda: bare(placed))
    with_events = best_seconds(lambda: decided(placed))
    encoding = best_seconds(lambda: [encode(event) for event in events])
    bodies = [encode(record) for record in records]
    hashing = best_seconds(lambda: [sha256(b"\x00" + body).digest() for body in bodies])
    placed_count = sum(type(event) is BidPlaced for event in events)
    rows = [
        Row("bids that were placed", placed_count / options.bids * 100, "%"),
        Row("bare loop", options.bids / base, "bids/s"),
        Row("decider with events", options.bids / with_events, "bids/s"),
        Row("with events, time against the bare loop", with_events / base, "x", 4, True),
        Row("and with JSON", (with_events + encoding) / base, "x", 6, True),
        Row("and with the leaf hash", (with_events + encoding + hashing) / base, "x", 8, True),
    ]
    show("English auction", rows, options.json)


if __name__ == "__main__":
    main()
