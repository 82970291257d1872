"""The English auction against the text of its rule, from scratch after every bid."""

from hypothesis import given, settings
from hypothesis import strategies as st

from market.clearing import increment_at
from schemas.auctions import INCREMENT_TABLES
from schemas.events import BidPlaced, TradeExecuted
from tests.builders.market import AT_AUCTION, T0, Market

TABLE = INCREMENT_TABLES["ebay-2003"]
START = 500
BIDDERS = ("anna", "bole", "chen", "dora")
amounts = st.one_of(st.integers(1, 40_000), st.sampled_from([8_950, 9_000, 9_050, 9_100]))
placed_bids = st.lists(st.tuples(st.sampled_from(BIDDERS), amounts), max_size=25)


def by_the_rule(accepted: list[tuple[str, int]], reserve: int, rights: set[str]) -> tuple[str, int]:
    """Return leader and price from the bids that were taken, and from nothing else."""
    maxima: dict[str, tuple[int, bool, int]] = {}
    for order, (bidder, amount) in enumerate(accepted):
        # a bidder's newest bid; ties go to a holder of a right, then to the earlier one
        maxima[bidder] = (amount, bidder in rights, -order)
    ranked = sorted(maxima, key=lambda bidder: maxima[bidder], reverse=True)
    leader, highest = ranked[0], maxima[ranked[0]][0]
    price = START
    if len(ranked) > 1:
        second = maxima[ranked[1]][0]
        price = max(price, min(highest, second + increment_at(TABLE, second)))
    return leader, max(price, reserve) if highest >= reserve else price


@given(placed_bids, st.sampled_from([0, 9_000]), st.sets(st.sampled_from(BIDDERS), max_size=2))
@settings(max_examples=200, deadline=None)
def test_leader_and_price_follow_from_the_accepted_bids_alone(
    bids: list[tuple[str, int]], reserve: int, rights: set[str]
) -> None:
    market = Market()
    seller = market.supplier()
    names = {market.buyer(name, money=10_000_000): name for name in BIDDERS}
    auction_id = market.auction(
        seller,
        market.listing(seller, AT_AUCTION),
        start_price_minor=START,
        reserve_price_minor=reserve,
        reserve_hidden=True,
        priority_ids=tuple(f"pty_{name}" for name in sorted(rights)),
    )
    accepted: list[tuple[str, int]] = []
    for name, amount in bids:
        happened = market.bid(auction_id, f"pty_{name}", amount)
        for event in happened:
            if isinstance(event, BidPlaced):
                accepted.append((name, amount))
                assert event.price_minor == by_the_rule(accepted, reserve, rights)[1]
    sold = [e for e in market.until(T0 + 3_600_000) if isinstance(e, TradeExecuted)]
    if not accepted or max(amount for _, amount in accepted) < reserve:
        assert sold == []
    else:
        leader, price = by_the_rule(accepted, reserve, rights)
        assert (names[sold[0].buyer_id], sold[0].price_minor) == (leader, price)
    assert market.venue.settlement.ledger.holds == {}
