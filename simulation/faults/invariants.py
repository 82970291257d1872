"""What must hold of a venue whatever breaks: one small function for each rule, which returns what
is wrong, or nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import zip_longest
from typing import Any, Final

from schemas import commands as c
from schemas import events as e
from schemas.auctions import CommonTerms, DutchTerms
from schemas.base import SchemaError
from schemas.catalogue import AuctionOffer
from schemas.envelope import Record, decode_record, encode
from schemas.events.trail import InputsTaken
from schemas.money import bps_of
from schemas.topics import DECIDERS, INPUTS, Service
from simulation.faults.books import SETTLING, Books, need_of, service_of

Wrong = str | None
OnRecord = Callable[[Books, Any, Record], Wrong]
AtRest = Callable[[Books], Wrong]
_NOT_RANKED: Final = (DutchTerms,)  # the first to accept has bought


# --- on each record, before it is taken up ------------------------------------------------------


def messages_survive_their_bytes(books: Books, message: Any, record: Record) -> Wrong:
    body = encode(record)
    try:
        same = encode(decode_record(body)) == body
    except SchemaError as error:
        return str(error)
    return None if same else f"{type(message).__name__} reads back otherwise than it was written"


def sequences_have_no_gap(books: Books, message: Any, record: Record) -> Wrong:
    """By topic they only rise; that none is missing is seen where they are sealed."""
    if not record.sequence:
        return None
    service = service_of(record)
    there = {other.sequence for other in books.unsealed[service]}
    if record.sequence in there or record.sequence <= books.sequences[service] - len(there):
        return f"event {record.sequence} of {service} is there twice"
    return None


def no_deadline_fires_early(books: Books, message: c.TimePassed, record: Record) -> Wrong:
    if message.due_ms <= books.clock_ms:
        return None
    return f"it was said that {message.due_ms} has passed when it was {books.clock_ms}"


def reservations_begin_once(books: Books, message: e.FundsReserved, record: Record) -> Wrong:
    need = need_of(message)
    return f"{need} was reserved twice" if need in books.reserved else None


def reservations_end_once(books: Books, message: e.FundsReleased, record: Record) -> Wrong:
    need = (message.hold_id, message.request_id)
    return None if need in books.reserved else f"{need} was released without being reserved"


def legs_sum_to_zero(
    books: Books, message: e.TransferPosted | e.UsageCharged, record: Record
) -> Wrong:
    over = sum(leg.amount_minor for leg in message.legs)
    return f"{message.legs} leave {over}" if over else None


def trades_are_settled_once_and_in_full(
    books: Books, message: e.TransferPosted, record: Record
) -> Wrong:
    if message.kind not in SETTLING:
        return None
    trade = books.trades.get(message.cause_id)
    if trade is None or trade.id in books.settled:
        return f"{message.id} pays for {message.cause_id}, which is " + (
            "no trade" if trade is None else "paid already"
        )
    at_auction = isinstance(trade.offer, AuctionOffer)
    fee = bps_of(trade.price_minor, trade.buyer_fee_bps) if at_auction else 0
    paid = -sum(leg.amount_minor for leg in message.legs if leg.amount_minor < 0)
    due = trade.price_minor + fee
    return None if paid == due else f"{trade.id} costs {due}, and {paid} was paid"


def requests_are_dealt_once(books: Books, message: e.TradeExecuted, record: Record) -> Wrong:
    if message.request_id not in books.requests_traded:
        return None
    return f"{message.request_id} was dealt twice"


def licences_are_not_exceeded(books: Books, message: e.TradeExecuted, record: Record) -> Wrong:
    terms = books.terms.get(message.deal_id)
    if terms is None:
        return None
    sold, most = books.sold[message.deal_id] + message.quantity, _licences(terms)
    return None if sold <= most else f"{message.deal_id} sold {sold} licences of {most}"


def nobody_pays_more_than_bid(books: Books, message: e.TradeExecuted, record: Record) -> Wrong:
    bid = books.bids.get(message.deal_id, {}).get(message.request_id)
    if bid is None:
        return None
    most = sum((bid.max_price_minor, *bid.further_minor)[: message.quantity])
    if message.price_minor <= most:
        return None
    return f"{bid.bid_id} said {most} at most and pays {message.price_minor}"


def best_bids_win(books: Books, message: e.TradeExecuted, record: Record) -> Wrong:
    """Of equal units those of a priority holder, then those of the earlier bid."""
    terms = books.terms.get(message.deal_id)
    if terms is None or isinstance(terms, _NOT_RANKED):
        return None
    units = [
        (unit, bid)
        for bid in books.bids[message.deal_id].values()
        for unit in (bid.max_price_minor, *bid.further_minor)
    ]
    units.sort(key=lambda one: (one[0], one[1].bidder_id in terms.priority_ids), reverse=True)
    least = max(terms.start_price_minor, terms.reserve_price_minor)
    won = Counter(bid.bid_id for unit, bid in units[: _licences(terms)] if unit >= least)
    if won[message.request_id] == message.quantity:
        return None
    return f"{message.request_id} won {message.quantity} where {dict(won)} should"


def grants_follow_settled_trades(books: Books, message: e.GrantIssued, record: Record) -> Wrong:
    trade = books.trades.get(message.trade_id)
    if trade is None:
        return f"{message.id} comes of no trade"
    if message.trade_id in books.trades_granted or message.id in books.grants:
        return f"{message.id} is granted twice"
    if message.buyer_id != trade.buyer_id or message.licences != trade.quantity:
        return f"{message.id} is not what {trade.id} sold"
    if trade.price_minor and trade.id not in books.settled:
        return f"{message.id} was granted before {trade.id} was paid"
    return None


# --- on each seal: its inputs are decided upon again -------------------------------------------


def every_input_is_sealed_once(books: Books, message: InputsTaken, record: Record) -> Wrong:
    service = service_of(record)
    if message.commit != books.commits[service] + 1:
        return f"commit {message.commit} of {service} follows on {books.commits[service]}"
    for run in message.ranges:
        sealed = books.taken[service, run.topic]
        there = [r.offset for r in books.topics.read(run.topic, sealed) if r.offset <= run.last]
        if not there or there[0] != run.first or len(there) != run.count:
            return f"{service} took {run.topic} up to {sealed}, and now {run}"
    return None


def every_event_is_sealed(books: Books, message: InputsTaken, record: Record) -> Wrong:
    service = service_of(record)
    there = sorted(event.sequence for event in books.unsealed[service])
    begin = books.sequences[service] - len(there)
    if there == list(range(begin + 1, message.sequence + 1)):
        return None
    return f"the seal of {service} goes up to event {message.sequence}, and there are {there}"


def decisions_replay(books: Books, message: InputsTaken, record: Record) -> Wrong:
    written = books.unsealed[service_of(record)]
    books.look_at(record)
    again = [event for _, events, _ in books.decided for event in events]
    for event, there in zip_longest(again, sorted(written, key=lambda one: one.sequence)):
        if there is None or encode(event) != encode(there.data):
            told = there and encode(there.data).decode()
            return f"decided again: {encode(event).decode()}; written: {told}"
    return None


# --- at rest: after each act --------------------------------------------------------------------


def money_is_conserved(books: Books) -> Wrong:
    """All balances of a currency sum to zero, and only the outside world owes."""
    sums: dict[str, int] = defaultdict(int)
    for account, amount in books.states[Service.SETTLEMENT].ledger.balances.items():
        owner, currency, _ = account.split("/")
        sums[currency] += amount
        if amount < 0 and owner != "external":
            return f"{account} stands at {amount}"
    wrong = {currency: amount for currency, amount in sums.items() if amount}
    return f"{wrong} came from nowhere" if wrong else None


def holds_lock_what_they_need(books: Books) -> Wrong:
    """A hold that has paid may have less: what else needs it came too late to buy."""
    ledger = books.states[Service.SETTLEMENT].ledger
    locked: dict[str, int] = defaultdict(int)
    for id, hold in ledger.holds.items():
        need = max(hold.needs.values())
        if hold.locked_minor > need or (hold.locked_minor < need and id not in books.holds_paid):
            return f"{id} has {hold.locked_minor} locked and needs {hold.needs}"
        locked[f"{hold.party_id}/{hold.currency}/reserved"] += hold.locked_minor
    for account, amount in ledger.balances.items():
        if account.endswith("/reserved") and amount != locked[account]:
            return f"{account} stands at {amount}, locked are {locked[account]}"
    return None


def nothing_stays_prepaid(books: Books) -> Wrong:
    """A grant that has ended has given back what was left."""
    state = books.states[Service.SETTLEMENT]
    for account, amount in state.ledger.balances.items():
        if amount and account.endswith("/prepaid") and account.split("/")[0] not in state.grants:
            return f"{account} still has {amount}"
    return None


def commands_take_effect_once(books: Books) -> Wrong:
    twice = [wish for wish, count in books.effects.items() if count > 1]
    return f"wishes {twice} took effect more than once" if twice else None


def time_goes_forward(books: Books) -> Wrong:
    """A deadline may have been noted late; the clock stays where it is then."""
    for service, before_ms in books.clocks.items():
        now_ms = books.clocks[service] = books.states[service].now_ms
        if now_ms < before_ms:
            return f"the clock of {service} went back from {before_ms} to {now_ms}"
    return None


# --- at the end, when all is quiet --------------------------------------------------------------


def every_input_was_taken(books: Books) -> Wrong:
    for service in DECIDERS:
        for topic in INPUTS[service]:
            left = books.topics.read(topic, books.taken[service, topic])
            if left:
                return f"{service} did not take {topic}/{left[0].offset}"
    return None


def nothing_stays_reserved(books: Books) -> Wrong:
    holds = books.states[Service.SETTLEMENT].ledger.holds
    return f"{sorted(holds)} outlive every auction" if holds or books.reserved else None


def every_auction_ends(books: Books) -> Wrong:
    left = books.states[Service.MATCHING].auctions
    return f"{sorted(left)} have not ended" if left else None


def every_trade_is_granted(books: Books) -> Wrong:
    left = books.trades.keys() - books.trades_granted
    return f"{sorted(left)} were traded and not granted" if left else None


ON_RECORD: Final[tuple[tuple[OnRecord, tuple[type, ...]], ...]] = (
    (messages_survive_their_bytes, (object,)),
    (sequences_have_no_gap, (object,)),
    (no_deadline_fires_early, (c.TimePassed,)),
    (reservations_begin_once, (e.FundsReserved,)),
    (reservations_end_once, (e.FundsReleased,)),
    (legs_sum_to_zero, (e.TransferPosted, e.UsageCharged)),
    (trades_are_settled_once_and_in_full, (e.TransferPosted,)),
    (requests_are_dealt_once, (e.TradeExecuted,)),
    (licences_are_not_exceeded, (e.TradeExecuted,)),
    (nobody_pays_more_than_bid, (e.TradeExecuted,)),
    (best_bids_win, (e.TradeExecuted,)),
    (grants_follow_settled_trades, (e.GrantIssued,)),
    (every_input_is_sealed_once, (InputsTaken,)),
    (every_event_is_sealed, (InputsTaken,)),
    (decisions_replay, (InputsTaken,)),
)
AT_REST: Final[tuple[AtRest, ...]] = (
    money_is_conserved,
    holds_lock_what_they_need,
    nothing_stays_prepaid,
    commands_take_effect_once,
    time_goes_forward,
)
AT_END: Final[tuple[AtRest, ...]] = (
    every_input_was_taken,
    nothing_stays_reserved,
    every_auction_ends,
    every_trade_is_granted,
)


def _licences(terms: CommonTerms) -> int:
    licences: int = getattr(terms, "licences", 1)
    return licences
