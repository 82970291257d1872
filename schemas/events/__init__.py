"""Every event of the exchange, one module per topic (see `schemas.topics`)."""

from schemas.events.access import *  # noqa: F403
from schemas.events.bids import *  # noqa: F403
from schemas.events.grants import *  # noqa: F403
from schemas.events.ledger import *  # noqa: F403
from schemas.events.listings import *  # noqa: F403
from schemas.events.trail import *  # noqa: F403
from schemas.events.watch import *  # noqa: F403
