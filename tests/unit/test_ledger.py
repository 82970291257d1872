"""The ledger by itself: every refusal at its boundary, every leg with its sign, every hold."""

import msgspec
import pytest

from market import ledger
from market.ledger import Hold, Ledger
from schemas import commands as c
from schemas.base import INTEGER_MAX, Event
from schemas.events import (
    FundsRefused,
    FundsReleased,
    FundsReserved,
    TimeAdvanced,
    TransferPosted,
    UsageCharged,
)
from schemas.postings import Leg, TransferKind
from tests.builders.market import NONCE, T0

ANNA = "pty_anna/CNY/available"
LOCKED = "pty_anna/CNY/reserved"
OUTSIDE = "external/CNY/external"
HOLD = "auc_rain/pty_anna"


def book(available: int = 0, reserved: int = 0) -> Ledger:
    return Ledger(
        balances={ANNA: available, LOCKED: reserved, OUTSIDE: -available - reserved},
        holds={},
    )


def deposit(amount: int) -> c.Deposit:
    return c.Deposit(
        id="trf_000001",
        at_ms=T0,
        party_id="pty_anna",
        operator_id="pty_operator",
        currency="CNY",
        amount_minor=amount,
        reference="bank",
    )


def withdraw(amount: int) -> c.Withdraw:
    return c.Withdraw(
        id="trf_000002", at_ms=T0, party_id="pty_anna", currency="CNY", amount_minor=amount
    )


def bid(id: str, most: int, currency: str = "CNY") -> c.PlaceBid:
    return c.PlaceBid(
        id=id,
        at_ms=T0,
        auction_id="auc_rain",
        bidder_id="pty_anna",
        currency=currency,
        max_price_minor=most,
        nonce=NONCE,
    )


def subscribe(budget: int) -> c.Subscribe:
    return c.Subscribe(
        id="sub_000001",
        at_ms=T0,
        listing_id="lst_rain",
        buyer_id="pty_anna",
        currency="CNY",
        budget_minor=budget,
    )


def moves(event: Event) -> list[tuple[str, int]]:
    return [(leg.account, leg.amount_minor) for leg in event.legs]


def take(books: Ledger, *events: Event) -> None:
    for event in events:
        ledger.apply(books, event)


# --- accounts ---------------------------------------------------------------------------------


def test_each_account_has_its_name() -> None:
    assert ledger.available("pty_anna", "CNY") == "pty_anna/CNY/available"
    assert ledger.reserved("pty_anna", "CNY") == "pty_anna/CNY/reserved"
    assert ledger.prepaid("grt_rain", "CNY") == "grt_rain/CNY/prepaid"
    assert ledger.fees("USD") == "venue/USD/fees"
    assert ledger.treasury("USD") == "treasury/USD/proceeds"
    assert ledger.external("USD") == "external/USD/external"
    assert ledger.hold_id("auc_rain", "pty_anna") == "auc_rain/pty_anna"
    assert ledger.balance(Ledger(), "pty_anna/CNY/available") == 0


# --- money in and out ---------------------------------------------------------------------------


def test_a_deposit_comes_from_outside() -> None:
    (posted,) = ledger.deposit(Ledger(), deposit(500))
    assert moves(posted) == [(OUTSIDE, -500), (ANNA, 500)]
    assert (posted.kind, posted.id, posted.cause_id) == ("deposit", "trf_000001", "trf_000001")
    assert (posted.at_ms, posted.party_id, posted.currency) == (T0, "pty_anna", "CNY")
    assert posted.request == deposit(500)
    assert posted.hold_id == ""


def test_deposits_stop_at_what_every_reader_keeps_exact() -> None:
    full = Ledger(balances={OUTSIDE: -(INTEGER_MAX - 10)})
    assert ledger.deposit(full, deposit(11)) == "balance_limit_exceeded"
    assert isinstance(ledger.deposit(full, deposit(10)), list)


def test_a_withdrawal_goes_outside_up_to_what_is_available() -> None:
    books = book(available=100, reserved=900)
    assert ledger.withdraw(books, withdraw(101)) == "insufficient_funds"
    (posted,) = ledger.withdraw(books, withdraw(100))
    assert moves(posted) == [(ANNA, -100), (OUTSIDE, 100)]
    assert (posted.kind, posted.party_id) == ("withdrawal", "pty_anna")
    assert posted.request == withdraw(100)


def test_a_top_up_goes_to_the_grants_own_account() -> None:
    command = c.TopUpGrant(
        id="trf_000003",
        at_ms=T0,
        grant_id="grt_rain",
        buyer_id="pty_anna",
        currency="CNY",
        amount_minor=70,
    )
    assert ledger.top_up(book(available=69), command) == "insufficient_funds"
    (posted,) = ledger.top_up(book(available=70), command)
    assert moves(posted) == [(ANNA, -70), ("grt_rain/CNY/prepaid", 70)]
    assert (posted.kind, posted.party_id, posted.request) == ("top_up", "pty_anna", command)


# --- reserving ------------------------------------------------------------------------------------


def test_a_bid_needs_its_maximum_with_the_fee_and_a_subscription_its_budget() -> None:
    assert ledger.needed_minor(bid("bid_000001", 10_000), 150) == 10_150
    assert ledger.needed_minor(bid("bid_000001", 50), 100) == 50  # half a unit, to the even one
    assert ledger.needed_minor(bid("bid_000001", 150), 100) == 152
    several = msgspec.structs.replace(bid("bid_000001", 10_000), further_minor=(8_000, 2_000))
    assert ledger.needed_minor(several, 150) == 20_300
    assert ledger.needed_minor(subscribe(900), 150) == 900


def test_holds_are_named_by_deal_and_payer() -> None:
    assert ledger.hold_of(bid("bid_000001", 1)) == ("auc_rain/pty_anna", "pty_anna")
    assert ledger.hold_of(subscribe(1)) == ("sub_000001/pty_anna", "pty_anna")


def test_a_reservation_locks_what_is_missing_up_to_what_is_available() -> None:
    refused = ledger.reserve(book(available=10_099), bid("bid_000001", 10_000), 100)
    assert refused == FundsRefused(
        at_ms=T0, request=bid("bid_000001", 10_000), reason="insufficient_funds"
    )
    funded = ledger.reserve(book(available=10_100), bid("bid_000001", 10_000), 100)
    assert funded == FundsReserved(
        at_ms=T0, request=bid("bid_000001", 10_000), reserved_minor=10_100, buyer_fee_bps=100
    )
    assert ledger.postings(funded) == ((ANNA, -10_100), (LOCKED, 10_100))


def test_a_higher_bid_locks_the_difference_and_a_lower_one_nothing() -> None:
    books = book(available=1_000)
    take(books, ledger.reserve(books, bid("bid_000001", 600), 0))
    higher = ledger.reserve(books, bid("bid_000002", 1_000), 0)
    assert (type(higher), higher.reserved_minor) == (FundsReserved, 400)
    assert isinstance(ledger.reserve(books, bid("bid_000002", 1_001), 0), FundsRefused)
    lower = ledger.reserve(books, bid("bid_000002", 500), 0)
    assert (type(lower), lower.reserved_minor) == (FundsReserved, 0)
    assert ledger.postings(lower) == ()


def test_one_hold_is_in_one_currency() -> None:
    books = book(available=1_000)
    take(books, ledger.reserve(books, bid("bid_000001", 600), 0))
    assert ledger.reserve(books, bid("bid_000002", 1, "USD"), 0).reason == "currency_mismatch"


def test_a_hold_keeps_what_each_of_its_requests_may_cost() -> None:
    books = book(available=1_000)
    take(books, ledger.reserve(books, bid("bid_000001", 600), 0))
    take(books, ledger.reserve(books, bid("bid_000002", 800), 0))
    assert books.holds == {
        HOLD: Hold(
            party_id="pty_anna",
            currency="CNY",
            locked_minor=800,
            needs={"bid_000001": 600, "bid_000002": 800},
        )
    }
    assert (books.balances[ANNA], books.balances[LOCKED]) == (200, 800)


# --- releasing ------------------------------------------------------------------------------------


def two_bids() -> Ledger:
    books = book(available=1_000)
    take(books, ledger.reserve(books, bid("bid_000001", 600), 0))
    take(books, ledger.reserve(books, bid("bid_000002", 800), 0))
    return books


def test_releasing_the_dearer_request_leaves_what_the_other_needs() -> None:
    books = two_bids()
    (released,) = ledger.release(books, HOLD, "bid_000002", T0 + 1)
    assert released == FundsReleased(
        at_ms=T0 + 1,
        request_id="bid_000002",
        hold_id=HOLD,
        party_id="pty_anna",
        currency="CNY",
        released_minor=200,
    )
    assert ledger.postings(released) == ((ANNA, 200), (LOCKED, -200))
    take(books, released)
    assert books.holds[HOLD].needs == {"bid_000001": 600}
    (rest,) = ledger.release(books, HOLD, "bid_000001", T0 + 2)
    assert rest.released_minor == 600
    take(books, rest)
    assert books.holds == {}
    assert (books.balances[ANNA], books.balances[LOCKED]) == (1_000, 0)


def test_releasing_the_cheaper_request_frees_nothing() -> None:
    books = two_bids()
    (released,) = ledger.release(books, HOLD, "bid_000001", T0)
    assert released.released_minor == 0
    take(books, released)
    assert books.holds[HOLD].locked_minor == 800


def test_what_is_spent_is_not_released() -> None:
    books = two_bids()
    paid = TransferPosted(
        at_ms=T0,
        id="trf_000009",
        kind=TransferKind.PURCHASE,
        currency="CNY",
        legs=ledger.legs((LOCKED, -150), ("pty_seller/CNY/available", 150)),
        party_id="pty_anna",
        cause_id="trd_000009",
        hold_id=HOLD,
    )
    (released,) = ledger.release(books, HOLD, "bid_000002", T0, spent_minor=150)
    assert released.released_minor == 50
    take(books, paid, released)
    assert books.holds[HOLD].locked_minor == 600
    assert books.balances["pty_seller/CNY/available"] == 150
    (overdrawn,) = ledger.release(books, HOLD, "bid_000001", T0, spent_minor=700)
    assert overdrawn.released_minor == 0


def test_a_request_ends_once() -> None:
    books = two_bids()
    assert ledger.release(books, HOLD, "bid_000003", T0) == []
    assert ledger.release(books, "auc_other/pty_anna", "bid_000001", T0) == []
    take(books, *ledger.release(books, HOLD, "bid_000002", T0))
    assert ledger.release(books, HOLD, "bid_000002", T0) == []


# --- postings and effects -------------------------------------------------------------------------


def test_legs_sum_to_zero_and_leave_empty_ones_out() -> None:
    assert ledger.legs((ANNA, -5), (LOCKED, 0), (OUTSIDE, 5)) == (
        Leg(account=ANNA, amount_minor=-5),
        Leg(account=OUTSIDE, amount_minor=5),
    )
    with pytest.raises(AssertionError, match="sum to zero"):
        ledger.legs((ANNA, -5), (OUTSIDE, 4))


def test_a_charge_moves_its_legs_and_other_events_move_nothing() -> None:
    charged = UsageCharged(
        at_ms=T0,
        usage_id="usg_000001",
        grant_id="grt_rain",
        buyer_id="pty_anna",
        currency="CNY",
        charge_minor=5,
        fee_minor=0,
        charged_total_minor=5,
        legs=ledger.legs(("grt_rain/CNY/prepaid", -5), ("pty_seller/CNY/available", 5)),
    )
    assert ledger.postings(charged) == (
        ("grt_rain/CNY/prepaid", -5),
        ("pty_seller/CNY/available", 5),
    )
    assert ledger.postings(TimeAdvanced(at_ms=T0, now_ms=T0)) == ()
    books = Ledger(balances={"grt_rain/CNY/prepaid": 5, OUTSIDE: -5})
    take(books, charged)
    assert books.balances["pty_seller/CNY/available"] == 5


def test_others_see_available_and_reserved_as_one_account_and_no_lock() -> None:
    assert ledger.booked(((ANNA, -70), (LOCKED, 70))) == ()
    paid = ((LOCKED, -150), ("pty_seller/CNY/available", 147), ("venue/CNY/fees", 3), (ANNA, 50))
    assert ledger.booked(paid) == (
        ("pty_anna/CNY/held", -100),
        ("pty_seller/CNY/held", 147),
        ("venue/CNY/fees", 3),
    )
    assert ledger.booked_as("grt_rain/USD/prepaid") == "grt_rain/USD/prepaid"


def test_nobody_but_the_outside_world_may_owe() -> None:
    overdrawn = TransferPosted(
        at_ms=T0,
        id="trf_000009",
        kind=TransferKind.WITHDRAWAL,
        currency="CNY",
        legs=ledger.legs((ANNA, -6), (OUTSIDE, 6)),
        party_id="pty_anna",
        cause_id="trf_000009",
    )
    with pytest.raises(AssertionError, match="pty_anna/CNY/available would fall below zero"):
        take(book(available=5), overdrawn)
    books = book(available=6)
    take(books, overdrawn)
    assert books.balances == {ANNA: 0, LOCKED: 0, OUTSIDE: 0}
    into_debt = TransferPosted(
        at_ms=T0,
        id="trf_000010",
        kind=TransferKind.DEPOSIT,
        currency="CNY",
        legs=ledger.legs((OUTSIDE, -6), (ANNA, 6)),
        party_id="pty_anna",
        cause_id="trf_000010",
    )
    take(books, into_debt)
    assert books.balances[OUTSIDE] == -6


def test_a_hold_never_pays_out_more_than_it_locked_nor_ends_with_money_in_it() -> None:
    books = two_bids()
    books.balances[LOCKED] += 1
    too_much = TransferPosted(
        at_ms=T0,
        id="trf_000009",
        kind=TransferKind.PURCHASE,
        currency="CNY",
        legs=ledger.legs((LOCKED, -801), ("pty_seller/CNY/available", 801)),
        party_id="pty_anna",
        cause_id="trd_000009",
        hold_id=HOLD,
    )
    with pytest.raises(AssertionError, match="paid out more than it had locked"):
        take(books, too_much)
    books = two_bids()
    take(books, *ledger.release(books, HOLD, "bid_000001", T0))
    stuck = FundsReleased(
        at_ms=T0,
        request_id="bid_000002",
        hold_id=HOLD,
        party_id="pty_anna",
        currency="CNY",
        released_minor=799,
    )
    with pytest.raises(AssertionError, match="ended with money still locked"):
        take(books, stuck)
