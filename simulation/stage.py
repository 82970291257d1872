"""A venue under a virtual clock: admit parties, list data, and say commands in the order of
time.
"""

from collections.abc import Callable

from market.steps import tick
from market.venue import Emission, Venue
from schemas import commands as c
from schemas.base import Command
from schemas.catalogue import CatalogueEntry, Content, GrantTerms, Offer
from schemas.ids import derive_id
from schemas.parties import FIRST_PARTIES, PartyKind, Role, VenueTerms
from schemas.policy import Permission, Policy

OPERATOR = FIRST_PARTIES[Role.OPERATOR][0]
ANY_USE = Policy(permissions=(Permission(action="use"),))
Watcher = Callable[[list[Emission]], None]


class Stage:
    """Drives one venue. `watch` sees every cascade, those of passing deadlines included."""

    def __init__(self, terms: VenueTerms, start_ms: int, watch: Watcher = lambda cascade: None):
        self.venue = Venue()
        self.start_ms = start_ms
        self._watch = watch
        self.say(
            c.OpenVenue(id="cmd_open_venue", at_ms=start_ms, operator_id=OPERATOR, terms=terms)
        )

    def say(self, command: Command) -> list[Emission]:
        """Let what is due by the command's time happen, then run the command."""
        self.advance(command.at_ms)
        return self._run(command)

    def advance(self, now_ms: int) -> None:
        """Fire every deadline up to now, one tick each, in order."""
        while (due_ms := self.venue.next_deadline()) is not None and due_ms <= now_ms:
            self.advance_once()

    def advance_once(self) -> None:
        """Fire the next deadline, which there must be."""
        due_ms = self.venue.next_deadline()
        assert due_ms is not None, "something is due"
        self._run(tick(due_ms))

    def admit(
        self,
        party_id: str,
        role: Role,
        *,
        kind: PartyKind = PartyKind.ENTERPRISE,
        currency: str = "CNY",
        money_minor: int = 0,
        name: str = "",
    ) -> None:
        """Register and approve a party, and give it money to begin with."""
        at_ms = self.start_ms
        name = name or party_id
        self.say(c.RegisterParty(id=party_id, at_ms=at_ms, name=name, kind=kind, roles=(role,)))
        self.say(
            c.ApproveParty(
                id=derive_id(party_id, "cmd"), at_ms=at_ms, party_id=party_id, operator_id=OPERATOR
            )
        )
        if money_minor:
            self.say(
                c.Deposit(
                    id=derive_id(party_id, "trf"),
                    at_ms=at_ms,
                    party_id=party_id,
                    operator_id=OPERATOR,
                    currency=currency,
                    amount_minor=money_minor,
                    reference="opening balance",
                )
            )

    def publish(
        self,
        listing_id: str,
        supplier_id: str,
        offer: Offer,
        entry: CatalogueEntry,
        content: Content,
        terms: GrantTerms | None = None,
    ) -> None:
        """Register a data set and bring a listing of it through review."""
        at_ms, data_set_id = self.start_ms, derive_id(listing_id, "dst")
        terms = terms or GrantTerms(policy=ANY_USE)
        self.say(
            c.RegisterDataSet(
                id=data_set_id,
                at_ms=at_ms,
                supplier_id=supplier_id,
                title=entry.title_en,
                content=content,
            )
        )
        self.say(
            c.DraftListing(
                id=listing_id,
                at_ms=at_ms,
                supplier_id=supplier_id,
                data_set_id=data_set_id,
                entry=entry,
                offer=offer,
                grant_terms=terms,
            )
        )
        self.say(
            c.SubmitListing(
                id=derive_id(f"{listing_id}s", "cmd"),
                at_ms=at_ms,
                listing_id=listing_id,
                supplier_id=supplier_id,
            )
        )
        self.say(
            c.ReviewListing(
                id=derive_id(f"{listing_id}r", "cmd"),
                at_ms=at_ms,
                listing_id=listing_id,
                operator_id=OPERATOR,
                approved=True,
                reason="complete",
            )
        )

    def _run(self, command: Command) -> list[Emission]:
        cascade = self.venue.run(command)
        self._watch(cascade)
        return cascade
