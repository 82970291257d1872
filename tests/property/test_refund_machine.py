"""Random sales, uses and refunds: money is conserved, and nobody gets back more than was paid."""

from collections import defaultdict

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from market import settlement
from schemas import commands as c
from schemas.envelope import encode
from schemas.events import InstructionRefused, TransferPosted, UsageCharged
from schemas.ids import derive_id
from schemas.parties import PartyKind
from schemas.postings import Purse, TransferKind
from schemas.topics import TOPIC_OF, Service
from tests.builders.market import AT_AUCTION, METERED, OPERATOR, Market

picks = st.integers(0, 1_000)
amounts = st.one_of(st.integers(1, 40), st.integers(1, 3_000))


class RefundMachine(RuleBasedStateMachine):
    """`received` is what each account got for a grant, refunds taken off: an own bookkeeping."""

    def __init__(self) -> None:
        super().__init__()
        self.market = Market(buyer_fee_bps=333, seller_fee_bps=777)
        self.received: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.refused = 0

    @initialize(kind=st.sampled_from(PartyKind), share=st.sampled_from([0, 1_234, 5_000]))
    def open_market(self, kind: PartyKind, share: int) -> None:
        self.market = Market(
            buyer_fee_bps=333, seller_fee_bps=777, treasury_bps_public_service=share
        )
        self.seller = self.market.supplier(kind=kind)
        self.anna = self.market.buyer("anna", money=200_000)
        self.at_auction = self.market.listing(self.seller, AT_AUCTION)
        self.metered = self.market.listing(self.seller, METERED)
        self.sell(1_000)
        self.subscribe(2_000)

    def say(self, command) -> list:
        before = dict(self.market.venue.settlement.ledger.balances)
        events = self.market.say(command)
        if any(isinstance(event, InstructionRefused) for event in events):
            self.refused += 1
            assert self.market.venue.settlement.ledger.balances == before
        self.note(events)
        return events

    def note(self, events: list) -> None:
        for event in events:
            match event:
                case TransferPosted(kind=TransferKind.PURCHASE):
                    grant_id = derive_id(event.id, "grt")
                case UsageCharged():
                    grant_id = event.grant_id
                case TransferPosted(request=c.Refund() as request):
                    grant_id = request.grant_id
                case _:
                    continue
            for leg in event.legs:
                if not leg.account.startswith((self.anna, grant_id)):
                    self.received[grant_id][leg.account] += leg.amount_minor

    def now_ms(self) -> int:
        return max(self.market.venue.settlement.now_ms, self.market.start_ms)

    @rule(price=amounts)
    def sell(self, price: int) -> None:
        ends_at_ms = self.now_ms() + 1_000
        auction_id = self.market.auction(
            self.seller,
            self.at_auction,
            starts_at_ms=self.now_ms(),
            ends_at_ms=ends_at_ms,
            start_price_minor=price,
        )
        self.note(self.market.bid(auction_id, self.anna, price, self.now_ms()))
        self.note(self.market.until(ends_at_ms))

    @rule(budget=amounts)
    def subscribe(self, budget: int) -> None:
        self.note(self.market.subscribe(self.metered, self.anna, budget))

    @rule(pick=picks, quantity=st.integers(1, 9))
    def use(self, pick: int, quantity: int) -> None:
        if live := sorted(self.market.venue.settlement.grants):
            chosen = live[pick % len(live)]
            self.note(self.market.use(chosen, self.anna, quantity, self.now_ms()))

    @rule(pick=picks)
    def end(self, pick: int) -> None:
        if live := sorted(self.market.venue.settlement.grants):
            chosen, id = live[pick % len(live)], self.market.id()
            at_ms = self.now_ms()
            self.say(c.EndGrant(id=id, at_ms=at_ms, grant_id=chosen, buyer_id=self.anna))

    @rule(pick=picks, amount=amounts)
    def refund(self, pick: int, amount: int) -> None:
        if not self.received:
            return
        chosen = sorted(self.received)[pick % len(self.received)]
        left = dict(self.received[chosen])
        events = self.say(
            c.Refund(
                id=self.market.id("trf"),
                at_ms=self.now_ms(),
                grant_id=chosen,
                operator_id=OPERATOR,
                amount_minor=amount,
                reason="quality",
            )
        )
        if amount > sum(left.values()):
            assert events[0].reason == "refund_exceeds_paid"
        elif isinstance(events[0], InstructionRefused):
            assert events[0].reason == "insufficient_funds"
        else:
            given = sum(left.values()) - sum(self.received[chosen].values())
            assert given == amount

    @rule(amount=amounts)
    def withdraw(self, amount: int) -> None:
        about = {"party_id": self.seller, "currency": "CNY", "amount_minor": amount}
        self.say(c.Withdraw(id=self.market.id("trf"), at_ms=self.now_ms(), **about))

    @rule(purse=st.sampled_from(Purse), amount=amounts)
    def pay_out(self, purse: Purse, amount: int) -> None:
        about = {"operator_id": OPERATOR, "currency": "CNY", "reference": "bank"}
        id, at_ms = self.market.id("trf"), self.now_ms()
        self.say(c.PayOut(id=id, at_ms=at_ms, purse=purse, amount_minor=amount, **about))

    @invariant()
    def money_is_conserved(self) -> None:
        balances = self.market.venue.settlement.ledger.balances
        assert sum(balances.values()) == 0
        assert all(v >= 0 or name.startswith("external") for name, v in balances.items())

    @invariant()
    def nobody_has_given_back_more_than_it_received(self) -> None:
        for left in self.received.values():
            assert all(amount >= 0 for amount in left.values())

    @invariant()
    def receipts_say_who_has_what(self) -> None:
        for grant_id, receipt in self.market.venue.settlement.receipts.by_grant.items():
            left = self.received[grant_id]
            supplier = left.get(f"{self.seller}/CNY/available", 0)
            treasury, fees = left.get("treasury/CNY/proceeds", 0), left.get("venue/CNY/fees", 0)
            known = (receipt.supplier_minor, receipt.treasury_minor, receipt.fees_minor)
            assert known == (supplier, treasury, fees)

    def teardown(self) -> None:
        folded = settlement.State()
        for message, _ in self.market.log:
            if TOPIC_OF[type(message)].writer is Service.SETTLEMENT:
                settlement.evolve(folded, message)
        assert encode(folded) == encode(self.market.venue.settlement)


TestRefunds = RefundMachine.TestCase
TestRefunds.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
