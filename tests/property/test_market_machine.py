"""Random lives of a market, as cascades and as racing steps: what must hold after every step."""

from collections import defaultdict

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas import commands as c
from schemas.auctions import INCREMENT_TABLES, EnglishTerms, SoftClose
from schemas.catalogue import AuctionOffer, FreeOffer, GrantTerms, MeteredOffer
from schemas.envelope import decode_message, decode_record, encode
from schemas.events import BidPlaced, TradeExecuted
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.policy import Constraint, Permission, Policy
from schemas.tariff import PriceModel, Tariff, Tier, Unit
from schemas.topics import Service
from services.audit.verify import replay_log
from simulation.stage import OPERATOR
from streams.recovery import recover
from tests.builders.drivers import Cascades, Steps
from tests.builders.market import CONTENT, ENTRY, T0

BUYERS = ("pty_anna", "pty_bole", "pty_chen")
SUPPLIERS = {"pty_bureau": PartyKind.GOVERNMENT, "pty_maker": PartyKind.ENTERPRISE}
LISTINGS = {
    "lst_auction1": ("pty_bureau", AuctionOffer(currency="CNY")),
    "lst_auction2": ("pty_maker", AuctionOffer(currency="CNY")),
    "lst_metered": (
        "pty_maker",
        MeteredOffer(
            tariff=Tariff(
                unit=Unit.CALL,
                model=PriceModel.GRADUATED,
                currency="CNY",
                free_units=2,
                tiers=(
                    Tier(up_to=10, unit_price_minor="12.5"),
                    Tier(up_to=None, unit_price_minor="3.3"),
                ),
            )
        ),
    ),
    "lst_free": ("pty_bureau", FreeOffer()),
}
AT_MOST_40 = Policy(
    permissions=(
        Permission(
            action="use",
            constraints=(Constraint(left_operand="count", operator="lteq", right_operand=40),),
        ),
    )
)
buyers = st.sampled_from(BUYERS)
amounts = st.integers(1, 60_000)
picks = st.integers(0, 1_000)
services = st.sampled_from([Service.MATCHING, Service.SETTLEMENT])
hurry = st.lists(services, max_size=4)
late = st.sampled_from([0, 0, 0, 50, 3_000])


class MarketMachine(RuleBasedStateMachine):
    """Rules say commands, good and bad; the driver decides when the services take them."""

    driver_kind: type = Cascades

    def __init__(self) -> None:
        super().__init__()
        self.driver = self.driver_kind()
        self.count = 0
        self.said: list = []
        self.auctions: list[str] = []

    def id(self, role: str) -> str:
        self.count += 1
        return f"{role}_{self.count:05}"

    def say(self, command) -> None:
        self.said.append(command)
        self.driver.say(command)

    @property
    def now_ms(self) -> int:
        return self.driver.now_ms

    @initialize()
    def open_market(self) -> None:
        self.driver.now_ms = T0
        terms = VenueTerms(currencies=("CNY",), buyer_fee_bps=150, seller_fee_bps=333)
        self.say(c.OpenVenue(id="cmd_open", at_ms=T0, operator_id=OPERATOR, terms=terms))
        for party_id in (*BUYERS, *SUPPLIERS):
            role = Role.SUPPLIER if party_id in SUPPLIERS else Role.BUYER
            kind = SUPPLIERS.get(party_id, PartyKind.PERSON)
            self.say(
                c.RegisterParty(id=party_id, at_ms=T0, name=party_id, kind=kind, roles=(role,))
            )
            approval = self.id("cmd")
            self.say(c.ApproveParty(id=approval, at_ms=T0, party_id=party_id, operator_id=OPERATOR))
            self.driver.settle_down()
        for buyer in BUYERS:
            self.deposit(buyer, 100_000)
        for listing_id, (supplier, offer) in LISTINGS.items():
            self.publish(listing_id, supplier, offer)
        self.driver.settle_down()
        for number in (1, 2):
            self.open_auction(number, 20_000 * number, 100, 0, True)
        self.subscribe("pty_anna", 900)
        self.driver.settle_down()

    def publish(self, listing_id: str, supplier: str, offer) -> None:
        data_set = self.id("dst")
        about = {"at_ms": T0, "supplier_id": supplier}
        self.say(c.RegisterDataSet(id=data_set, title="x", content=CONTENT, **about))
        self.say(
            c.DraftListing(
                id=listing_id,
                data_set_id=data_set,
                entry=ENTRY,
                offer=offer,
                grant_terms=GrantTerms(policy=AT_MOST_40, lasts_ms=90_000),
                **about,
            )
        )
        self.say(c.SubmitListing(id=self.id("cmd"), listing_id=listing_id, **about))
        self.say(
            c.ReviewListing(
                id=self.id("cmd"),
                at_ms=T0,
                listing_id=listing_id,
                operator_id=OPERATOR,
                approved=True,
                reason="complete",
            )
        )

    @rule(buyer=buyers, amount=amounts)
    def deposit(self, buyer: str, amount: int) -> None:
        self.say(
            c.Deposit(
                id=self.id("trf"),
                at_ms=self.now_ms,
                party_id=buyer,
                operator_id=OPERATOR,
                currency="CNY",
                amount_minor=amount,
                reference="bank",
            )
        )

    @rule(party=st.sampled_from([*BUYERS, *SUPPLIERS]), amount=amounts)
    def withdraw(self, party: str, amount: int) -> None:
        self.say(
            c.Withdraw(
                id=self.id("trf"),
                at_ms=self.now_ms,
                party_id=party,
                currency="CNY",
                amount_minor=amount,
            )
        )

    @rule(
        number=st.sampled_from([1, 2]),
        lasts_ms=st.integers(5_000, 60_000),
        start=st.integers(1, 3_000),
        reserve=st.sampled_from([0, 0, 9_000, 40_000]),
        soft=st.booleans(),
    )
    def open_auction(
        self, number: int, lasts_ms: int, start: int, reserve: int, soft: bool
    ) -> None:
        listing_id = f"lst_auction{number}"
        rule_ = SoftClose(window_ms=5_000, extend_by_ms=7_000, extensions_max=2) if soft else None
        terms = EnglishTerms(
            currency="CNY",
            starts_at_ms=self.now_ms,
            ends_at_ms=self.now_ms + lasts_ms,
            start_price_minor=start,
            increments=INCREMENT_TABLES["ebay-2003"],
            reserve_price_minor=reserve,
            reserve_hidden=True,
            soft_close=rule_,
        )
        self.auctions.append(self.id("auc"))
        self.say(
            c.OpenAuction(
                id=self.auctions[-1],
                at_ms=self.now_ms,
                listing_id=listing_id,
                supplier_id=LISTINGS[listing_id][0],
                terms=terms,
                nonce="0" * 32,
            )
        )

    @precondition(lambda self: self.auctions)
    @rule(bids=st.lists(st.tuples(buyers, amounts, late, hurry), min_size=1, max_size=8))
    def contest(self, bids: list) -> None:
        """Bid on what is open, or was, with stamps that may be old, services stepping in
        between.
        """
        live = list(self.driver.states[0].auctions) or self.auctions[-2:]
        for number, (buyer, amount, late_ms, stepping) in enumerate(bids):
            self.say(
                c.PlaceBid(
                    id=self.id("bid"),
                    at_ms=max(T0, self.now_ms - late_ms),
                    auction_id=live[number % len(live)],
                    bidder_id=buyer,
                    currency="CNY",
                    max_price_minor=amount,
                    nonce="0" * 32,
                )
            )
            for service in stepping:
                self.driver.step(service, 3)

    @rule(buyer=buyers, budget=amounts)
    def subscribe(self, buyer: str, budget: int) -> None:
        self.say(
            c.Subscribe(
                id=self.id("sub"),
                at_ms=self.now_ms,
                listing_id="lst_metered",
                buyer_id=buyer,
                currency="CNY",
                budget_minor=budget,
            )
        )

    @rule(buyer=buyers)
    def request(self, buyer: str) -> None:
        self.say(
            c.RequestAccess(
                id=self.id("acc"), at_ms=self.now_ms, listing_id="lst_free", buyer_id=buyer
            )
        )

    @rule(uses=st.lists(st.tuples(picks, st.integers(1, 15), hurry), min_size=1, max_size=5))
    def use(self, uses: list) -> None:
        _, state = self.driver.states
        for pick, quantity, stepping in uses:
            if not state.grants:
                return
            chosen = list(state.grants.values())[pick % len(state.grants)]
            self.say(
                c.RecordUsage(
                    id=self.id("usg"),
                    at_ms=self.now_ms,
                    grant_id=chosen.issued.id,
                    buyer_id=chosen.issued.buyer_id,
                    quantity=quantity,
                )
            )
            for service in stepping:
                self.driver.step(service, 3)

    @rule(pick=picks, kind=st.sampled_from(["top_up", "end", "revoke", "suspend", "resume"]))
    def handle_grant(self, pick: int, kind: str) -> None:
        _, state = self.driver.states
        if not state.grants:
            return
        issued = list(state.grants.values())[pick % len(state.grants)].issued
        about = {"id": self.id("cmd"), "at_ms": self.now_ms, "grant_id": issued.id}
        match kind:
            case "top_up":
                money = {"currency": "CNY", "amount_minor": 1 + pick}
                self.say(c.TopUpGrant(buyer_id=issued.buyer_id, **about, **money))
            case "end":
                self.say(c.EndGrant(buyer_id=issued.buyer_id, **about))
            case "revoke":
                self.say(c.RevokeGrant(operator_id=OPERATOR, reason="breach", **about))
            case "suspend":
                self.say(c.SuspendGrant(operator_id=OPERATOR, reason="check", **about))
            case "resume":
                self.say(c.ResumeGrant(operator_id=OPERATOR, **about))

    @rule(number=st.sampled_from([1, 2]), back=st.booleans())
    def suspend_listing(self, number: int, back: bool) -> None:
        about = {"id": self.id("cmd"), "at_ms": self.now_ms, "operator_id": OPERATOR}
        listing_id = f"lst_auction{number}"
        if back:
            self.say(c.ResumeListing(listing_id=listing_id, **about))
        else:
            self.say(c.SuspendListing(listing_id=listing_id, reason="check", **about))

    @precondition(lambda self: self.auctions)
    @rule(pick=picks)
    def cancel_auction(self, pick: int) -> None:
        self.say(
            c.CancelAuction(
                id=self.id("cmd"),
                at_ms=self.now_ms,
                auction_id=self.auctions[pick % len(self.auctions)],
                operator_id=OPERATOR,
                reason="outage",
            )
        )

    @rule(pick=picks, changed=st.booleans())
    def say_again(self, pick: int, changed: bool) -> None:
        """A retry, with a new stamp; or another wish under an old id."""
        command = self.said[pick % len(self.said)]
        again = msgspec.structs.replace(command, at_ms=max(command.at_ms, self.now_ms))
        if changed and isinstance(again, c.Deposit):
            again = msgspec.structs.replace(again, amount_minor=again.amount_minor + 1)
        self.driver.say(again)

    @rule(service=services, limit=st.integers(1, 40))
    def step(self, service: Service, limit: int) -> None:
        self.driver.step(service, limit)

    @rule(by_ms=st.integers(1, 12_000))
    def advance(self, by_ms: int) -> None:
        self.driver.advance(self.now_ms + by_ms)

    @invariant()
    def money_is_conserved_and_nobody_owes(self) -> None:
        _, state = self.driver.states
        balances = state.ledger.balances
        assert sum(balances.values()) == 0
        for account, amount in balances.items():
            assert amount >= 0 or account.startswith("external"), account

    @invariant()
    def reserved_money_is_what_holds_have_locked(self) -> None:
        _, state = self.driver.states
        locked: dict[str, int] = defaultdict(int)
        for hold in state.ledger.holds.values():
            assert hold.locked_minor >= 0
            assert hold.needs
            locked[f"{hold.party_id}/{hold.currency}/reserved"] += hold.locked_minor
        for account, amount in state.ledger.balances.items():
            if account.endswith("/reserved"):
                assert amount == locked[account]

    @invariant()
    def price_lies_between_start_and_highest_maximum(self) -> None:
        state, _ = self.driver.states
        for auction in state.auctions.values():
            start = auction.terms.start_price_minor
            for bid in auction.standing.values():
                assert start <= auction.price_minor <= bid.max_price_minor

    def teardown(self) -> None:
        if not self.said:
            return
        self.driver.settle_down()
        self.driver.advance(self.now_ms + 200_000)
        self.driver.settle_down()
        state, money = self.driver.states
        assert not state.auctions
        assert not money.ledger.holds, "something stays reserved after the end of every auction"
        self.replay_gives_the_same()
        self.messages_survive_their_bytes()
        self.trades_are_settled_once()

    def replay_gives_the_same(self) -> None:
        assert replay_log(self.driver.log).findings == []
        for service, state in zip(
            (Service.MATCHING, Service.SETTLEMENT), self.driver.states, strict=True
        ):
            assert encode(recover(self.driver.log, service)) == encode(state)
            restored = msgspec.json.decode(encode(state), type=type(state))
            assert encode(restored) == encode(state)

    def messages_survive_their_bytes(self) -> None:
        for _, body in self.driver.log.read(0):
            record = decode_record(body)
            assert encode(record) == body
            assert decode_message(encode(record.data)) == record.data

    def trades_are_settled_once(self) -> None:
        records = [decode_record(body).data for _, body in self.driver.log.read(0)]
        traded = [event.request_id for event in records if isinstance(event, TradeExecuted)]
        placed = {event.bid_id: event for event in records if isinstance(event, BidPlaced)}
        issued = [e.trade_id for e in records if type(e).__name__ == "GrantIssued"]
        assert len(traded) == len(set(traded)) == len(issued) == len(set(issued))
        for event in records:
            if isinstance(event, TradeExecuted) and event.request_id in placed:
                assert event.price_minor <= placed[event.request_id].max_price_minor


class RacingMachine(MarketMachine):
    driver_kind = Steps


LIVES = settings(
    max_examples=400,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
TestCascades = MarketMachine.TestCase
TestCascades.settings = settings(LIVES, max_examples=100)
TestRacingSteps = RacingMachine.TestCase
TestRacingSteps.settings = LIVES
