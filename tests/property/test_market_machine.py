"""Random lives of a market, as cascades and as racing steps: what must hold after every step."""

from collections import defaultdict

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from schemas import commands as c
from schemas.auctions import INCREMENT_TABLES, EnglishTerms, UniformTerms
from schemas.catalogue import FreeOffer, GrantTerms, MeteredOffer
from schemas.envelope import decode_message, decode_record, encode
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.policy import Constraint, Permission, Policy
from schemas.postings import Purse
from schemas.tariff import PriceModel, Tariff, Tier, Unit
from schemas.topics import Service
from services.audit.replay import replay_log
from simulation.stage import OPERATOR
from streams.recovery import recover
from tests.builders.drivers import Steps
from tests.builders.lives import (
    AUCTION_LISTINGS,
    BUYERS,
    SOFT,
    AuctionRules,
    amounts,
    buyers,
    hurry,
    picks,
    services,
)
from tests.builders.market import CONTENT, ENTRY, T0

SUPPLIERS = {"pty_bureau": PartyKind.GOVERNMENT, "pty_maker": PartyKind.ENTERPRISE}
LISTINGS = {
    **AUCTION_LISTINGS,
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


class MarketMachine(AuctionRules):
    """A whole market: money, catalogue, grants, and auctions."""

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
        soft = {"increments": INCREMENT_TABLES["ebay-2003"], "soft_close": SOFT}
        for number, kind in ((1, (EnglishTerms, soft)), (2, (UniformTerms, {"licences": 3}))):
            listing_id = f"lst_auction{number}"
            self.open_auction(listing_id, kind, 20_000 * number, 100, 0, (), True)
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

    @rule(party=st.sampled_from([*BUYERS, *SUPPLIERS]), kind=st.sampled_from(["s", "r", "r", "c"]))
    def handle_party(self, party: str, kind: str) -> None:
        about = {"id": self.id("cmd"), "at_ms": self.now_ms, "party_id": party}
        match kind:
            case "s":
                self.say(c.SuspendParty(operator_id=OPERATOR, reason="inquiry", **about))
            case "r":
                self.say(c.ResumeParty(operator_id=OPERATOR, **about))
            case "c":
                controller = None if self.count % 2 else BUYERS[self.count % 3]
                self.say(
                    c.ChangeController(operator_id=OPERATOR, controller_id=controller, **about)
                )

    @rule(pick=picks, amount=amounts, purse=st.sampled_from(Purse), refund=st.booleans())
    def give_back(self, pick: int, amount: int, purse: Purse, refund: bool) -> None:
        paid = list(self.driver.states[1].receipts.by_grant)
        about = {"id": self.id("trf"), "at_ms": self.now_ms, "operator_id": OPERATOR}
        if refund and paid:
            grant_id = paid[pick % len(paid)]
            small = {"amount_minor": 1 + amount % 500, "reason": "quality"}
            self.say(c.Refund(grant_id=grant_id, **small, **about))
        else:
            money = {"currency": "CNY", "amount_minor": 1 + amount % 50, "reference": "bank"}
            self.say(c.PayOut(purse=purse, **money, **about))

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
        self.trades_are_settled_once_and_within_their_bids()
        self.no_auction_sells_more_than_it_has()

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
