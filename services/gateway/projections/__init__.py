"""What each event does to the read models: one function per event, and their table."""

from typing import Final

from schemas.envelope import Message
from services.gateway.projections import access, catalogue, deals, grants, parties, watch
from services.gateway.projections.common import Apply

APPLY: Final[dict[type[Message], Apply]] = {
    **parties.APPLY,
    **catalogue.APPLY,
    **access.APPLY,
    **deals.APPLY,
    **grants.APPLY,
    **watch.APPLY,
}
