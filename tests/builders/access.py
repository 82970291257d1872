"""A market with one conditional listing, and the steps of a request for it."""

from typing import Any

from schemas import commands as c
from schemas.access import QualityScores
from schemas.base import Command, Event
from schemas.catalogue import FreeOffer
from tests.builders.market import OPERATOR, T0, Market

CONDITIONAL = FreeOffer(condition="for research only")
SCORES = QualityScores(completeness=90, accuracy=80, availability=100, timeliness=70)
CASE = "acc_case01"


class Office(Market):
    """Steps are said at `now_ms`, a Wednesday's early morning in Shanghai unless moved on."""

    def __init__(self, offer: FreeOffer = CONDITIONAL, **terms: Any) -> None:
        super().__init__()
        self.now_ms = T0
        self.seller = self.supplier()
        self.anna = self.buyer("anna")
        self.listing_id = self.listing(self.seller, offer, **terms)

    @property
    def case(self) -> Any:
        return self.venue.matching.access.cases[CASE]

    def ask(self, id: str = CASE, **changes: Any) -> list[Event]:
        fields = {"listing_id": self.listing_id, "buyer_id": self.anna, "purpose": "a study"}
        return self.send(c.RequestAccess, id=id, **{**fields, **changes})

    def review(self, **changes: Any) -> list[Event]:
        fields = {"operator_id": OPERATOR, "approved": True, "reason": "complete"}
        return self.step(c.ReviewAccess, **{**fields, **changes})

    def decide(self, **changes: Any) -> list[Event]:
        fields = {"supplier_id": self.seller, "approved": True, "reason": "in order"}
        return self.step(c.DecideAccess, **{**fields, **changes})

    def push(self, **changes: Any) -> list[Event]:
        return self.step(c.PushSubscription, **{"operator_id": OPERATOR, **changes})

    def challenge(self, **changes: Any) -> list[Event]:
        fields = {"buyer_id": self.anna, "text": "March is missing"}
        return self.step(c.ChallengeQuality, **{**fields, **changes})

    def answer(self, **changes: Any) -> list[Event]:
        fields = {"supplier_id": self.seller, "upheld": True, "text": "March was added"}
        return self.step(c.AnswerChallenge, **{**fields, **changes})

    def evaluate(self, **changes: Any) -> list[Event]:
        fields = {"buyer_id": self.anna, "scores": SCORES, "comment": "good"}
        return self.step(c.EvaluateAccess, **{**fields, **changes})

    def take_back(self, **changes: Any) -> list[Event]:
        return self.step(c.WithdrawAccess, **{"buyer_id": self.anna, "reason": "done", **changes})

    def pushed(self) -> list[Event]:
        """Bring a request through to its subscription."""
        self.ask()
        self.review()
        self.decide()
        return self.push()

    def about_listing(self, kind: type[Command], **fields: Any) -> list[Event]:
        return self.send(kind, listing_id=self.listing_id, **fields)

    def step(self, kind: type[Command], **fields: Any) -> list[Event]:
        return self.send(kind, **{"access_id": CASE, **fields})

    def send(self, kind: type[Command], **fields: Any) -> list[Event]:
        return self.say(kind(**{"id": self.id(), "at_ms": self.now_ms, **fields}))
