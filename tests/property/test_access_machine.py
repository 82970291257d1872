"""Random lives of conditional access, as cascades and as racing steps: what must always hold."""

from collections import Counter, defaultdict

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas import commands as c
from schemas import events as e
from schemas.calendars import WorkCalendar
from schemas.catalogue import FreeOffer, GrantTerms
from schemas.envelope import decode_record, encode
from schemas.parties import PartyKind, Role, VenueTerms
from schemas.topics import Service
from services.audit.replay import replay_log
from simulation.stage import ANY_USE, OPERATOR
from streams.recovery import recover
from tests.builders.access import SCORES
from tests.builders.drivers import Cascades, Steps
from tests.builders.market import CONTENT, ENTRY, T0

SELLER = "pty_seller"
BUYERS = ("pty_anna", "pty_bole")
LISTINGS = ("lst_lasting", "lst_passing")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PASSES_MS = T0 + 60 * DAY_MS
OFF = WorkCalendar(
    name="a week off",
    source="by hand",
    first_day="2023-11-01",
    last_day="2024-12-31",
    holidays=("2023-11-20", "2023-11-21", "2023-11-22", "2023-11-23", "2023-11-24"),
    workdays=("2023-11-18", "2023-11-19"),
)
# What may come directly after what, written from the text of the procedure.
FOLLOWS = {
    "AccessRequested": {"AccessReviewed", "AccessWithdrawn", "AccessClosed"},
    "AccessReviewed": {"AccessDecided", "AccessWithdrawn", "AccessClosed"},
    "AccessDecided": {"SubscriptionPushed", "AccessClosed"},
    "SubscriptionPushed": {"QualityChallenged", "AccessEvaluated", "AccessClosed"},
    "QualityChallenged": {"ChallengeAnswered"},
    "ChallengeAnswered": {"AccessEvaluated", "AccessClosed"},
    "AccessEvaluated": set(),
    "AccessWithdrawn": set(),
    "AccessClosed": set(),
}
STEPS = {
    c.ReviewAccess: ("operator_id", OPERATOR, {"reason": "looked at"}),
    c.DecideAccess: ("supplier_id", SELLER, {"reason": "decided"}),
    c.PushSubscription: ("operator_id", OPERATOR, {}),
    c.ChallengeQuality: ("buyer_id", "", {"text": "March is missing"}),
    c.AnswerChallenge: ("supplier_id", SELLER, {"upheld": True, "text": "added"}),
    c.EvaluateAccess: ("buyer_id", "", {"scores": SCORES}),
    c.WithdrawAccess: ("buyer_id", "", {"reason": "not needed"}),
}
NEXT = {
    "review": [c.ReviewAccess, c.ReviewAccess, c.ReviewAccess, c.WithdrawAccess],
    "decision": [c.DecideAccess, c.DecideAccess, c.DecideAccess, c.WithdrawAccess],
    "push": [c.PushSubscription],
    "use": [c.ChallengeQuality, c.ChallengeQuality, c.EvaluateAccess],
    "answer": [c.AnswerChallenge],
    "evaluation": [c.EvaluateAccess],
}
WITH_VERDICT = (c.ReviewAccess, c.DecideAccess)
picks = st.integers(0, 1_000)
services = st.sampled_from([Service.MATCHING, Service.SETTLEMENT])
mostly = st.sampled_from([True, True, True, True, False])


class AccessMachine(RuleBasedStateMachine):
    driver_kind: type = Cascades

    def __init__(self) -> None:
        super().__init__()
        self.driver = self.driver_kind()
        self.count = 0
        self.said: list = []
        self.asked: dict[str, str] = {}

    def id(self, role: str = "cmd") -> str:
        self.count += 1
        return f"{role}_{self.count:05}"

    def say(self, kind, /, id: str = "", **fields) -> None:
        command = kind(id=id or self.id(), at_ms=self.driver.now_ms, **fields)
        self.said.append(command)
        self.driver.say(command)

    @initialize()
    def open_market(self) -> None:
        self.driver.now_ms = T0
        self.say(c.OpenVenue, operator_id=OPERATOR, terms=VenueTerms(currencies=("CNY",)))
        for party_id in (*BUYERS, SELLER):
            role = Role.SUPPLIER if party_id == SELLER else Role.BUYER
            about = {"name": party_id, "kind": PartyKind.ENTERPRISE, "roles": (role,)}
            self.say(c.RegisterParty, id=party_id, **about)
            self.say(c.ApproveParty, party_id=party_id, operator_id=OPERATOR)
            self.driver.settle_down()
        self.say(
            c.RegisterDataSet, id="dst_rain1", supplier_id=SELLER, title="Rain", content=CONTENT
        )
        for listing_id, expires_at_ms in zip(LISTINGS, (None, PASSES_MS), strict=True):
            self.say(
                c.DraftListing,
                id=listing_id,
                supplier_id=SELLER,
                data_set_id="dst_rain1",
                entry=ENTRY,
                offer=FreeOffer(condition="for research"),
                grant_terms=GrantTerms(policy=ANY_USE),
                expires_at_ms=expires_at_ms,
            )
            self.say(c.SubmitListing, listing_id=listing_id, supplier_id=SELLER)
            about = {"operator_id": OPERATOR, "approved": True, "reason": "complete"}
            self.say(c.ReviewListing, listing_id=listing_id, **about)
        self.driver.settle_down()

    @rule(listing_id=st.sampled_from(LISTINGS), buyer=st.sampled_from(BUYERS))
    def ask(self, listing_id: str, buyer: str) -> None:
        access_id = self.id("acc")
        self.asked[access_id] = buyer
        self.say(c.RequestAccess, id=access_id, listing_id=listing_id, buyer_id=buyer)

    @precondition(lambda self: self.asked)
    @rule(choices=st.lists(st.tuples(picks, mostly, mostly), min_size=1, max_size=6))
    def go_on(self, choices: list[tuple[int, bool, bool]]) -> None:
        """Steps that the requests' stages allow, so that lives get far."""
        for pick, approved, theirs in choices:
            waiting = sorted(self.driver.states[0].access.cases)
            if not waiting:
                return
            access_id = waiting[pick % len(waiting)]
            kinds = NEXT[self.driver.states[0].access.cases[access_id].stage]
            kind = kinds[pick % len(kinds)]
            self.step_of(kind, access_id, approved, theirs, 2 if pick % 3 else None)
            self.driver.step(Service.MATCHING, 40)

    @precondition(lambda self: self.asked)
    @rule(kind=st.sampled_from(list(STEPS)), pick=picks, approved=mostly, theirs=mostly)
    def take_any_step(self, kind: type, pick: int, approved: bool, theirs: bool) -> None:
        access_id = sorted(self.asked)[pick % len(self.asked)]
        self.step_of(kind, access_id, approved, theirs, None)

    def step_of(
        self, kind: type, access_id: str, approved: bool, theirs: bool, revision: int | None
    ) -> None:
        field, actor, fields = STEPS[kind]
        actor = (actor or self.asked[access_id]) if theirs else "pty_stranger"
        if kind in WITH_VERDICT:
            fields = {**fields, "approved": approved}
        if kind is c.AnswerChallenge:
            fields = {**fields, "revision": revision}
        self.say(kind, access_id=access_id, **{field: actor}, **fields)

    @rule(version=st.integers(1, 9))
    def revise(self, version: int) -> None:
        content = msgspec.structs.replace(CONTENT, sha256=str(version) * 64)
        self.say(c.ReviseDataSet, data_set_id="dst_rain1", supplier_id=SELLER, content=content)

    @rule(what=st.integers(0, 7), listing_id=st.sampled_from(LISTINGS))
    def disturb(self, what: int, listing_id: str) -> None:
        about = {"listing_id": listing_id, "operator_id": OPERATOR}
        match what:
            case 0:
                self.say(c.SuspendListing, reason="check", **about)
            case 1 | 2 | 3:
                self.say(c.ResumeListing, **about)
            case 4:
                supplier = {"supplier_id": SELLER, "reason": "replaced"}
                self.say(c.WithdrawListing, listing_id="lst_passing", **supplier)
            case _:
                self.say(c.SetCalendar, operator_id=OPERATOR, calendar=OFF)

    @rule(pick=picks)
    def say_again(self, pick: int) -> None:
        """A retry, while ids are remembered; after that the edge answers it from its rows."""
        recent = [said for said in self.said if said.at_ms > self.driver.now_ms - HOUR_MS]
        if recent:
            command = recent[pick % len(recent)]
            self.driver.say(msgspec.structs.replace(command, at_ms=self.driver.now_ms))

    @rule(service=services, limit=st.integers(1, 40))
    def step(self, service: Service, limit: int) -> None:
        self.driver.step(service, limit)

    @rule(hours=st.one_of(st.integers(1, 30), st.integers(1, 100), st.integers(1, 1_200)))
    def advance(self, hours: int) -> None:
        """Messages race within an hour; none lags for days, behind deadlines that it causes."""
        self.driver.settle_down()
        self.driver.advance(self.driver.now_ms + hours * HOUR_MS)

    @invariant()
    def open_requests_are_counted_by_buyer(self) -> None:
        desk = self.driver.states[0].access
        assert desk.open_of == Counter(case.request.buyer_id for case in desk.cases.values())

    @invariant()
    def only_open_requests_have_deadlines(self) -> None:
        state, _ = self.driver.states
        waiting = {id for id in state.deadlines.due_ms_of if id.startswith("acc_")}
        assert waiting <= set(state.access.cases)

    def teardown(self) -> None:
        if not self.said:
            return
        self.driver.settle_down()
        self.driver.advance(self.driver.now_ms + 400 * DAY_MS)
        self.driver.settle_down()
        state, _ = self.driver.states
        assert not any(id.startswith("acc_") for id in state.deadlines.due_ms_of)
        assert {case.stage for case in state.access.cases.values()} <= {
            "review", "decision", "push", "answer",
        }  # fmt: skip
        self.histories_follow_the_procedure()
        assert replay_log(self.driver.log).findings == []
        for service, kept in zip(
            (Service.MATCHING, Service.SETTLEMENT), self.driver.states, strict=True
        ):
            assert encode(recover(self.driver.log, service)) == encode(kept)
            assert encode(msgspec.json.decode(encode(kept), type=type(kept))) == encode(kept)

    def histories_follow_the_procedure(self) -> None:
        histories: dict[str, list] = defaultdict(list)
        trades: Counter[str] = Counter()
        grants: Counter[str] = Counter()
        for _, body in self.driver.log.read(0):
            message = decode_record(body).data
            match message:
                case e.AccessRequested(id=id):
                    histories[id].append(message)
                case e.TradeExecuted(request_id=id):
                    trades[id] += 1
                case e.GrantIssued(trade_id=trade_id):
                    grants[trade_id.replace("trd_", "acc_")] += 1
                case _ if isinstance(message, e.AccessMove):
                    histories[message.access_id].append(message)
        for access_id, history in histories.items():
            pushed = any(isinstance(event, e.SubscriptionPushed) for event in history)
            assert trades[access_id] == grants[access_id] == pushed
            self.one_history(history)

    def one_history(self, history: list) -> None:
        last, overdue = history[0], False
        for event in history[1:]:
            if isinstance(event, e.AccessOverdue):
                assert not overdue, "said twice for one stage"
                assert (event.stage, event.due_ms, event.at_ms) == (
                    last.stage, last.due_ms, last.due_ms,
                )  # fmt: skip
                overdue = True
                continue
            assert type(event).__name__ in FOLLOWS[type(last).__name__]
            assert last.stage is not None, "something followed the end"
            if isinstance(last, e.AccessReviewed | e.AccessDecided):
                assert last.approved, "a refused request went on"
            if isinstance(event, e.QualityChallenged):
                assert event.at_ms < last.challenge_until_ms
            last, overdue = event, False


class RacingAccessMachine(AccessMachine):
    driver_kind = Steps


LIVES = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
TestAccess = AccessMachine.TestCase
TestAccess.settings = LIVES
TestRacingAccess = RacingAccessMachine.TestCase
TestRacingAccess.settings = LIVES
