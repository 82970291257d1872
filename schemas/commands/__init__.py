"""Every command of the exchange, one module per service that decides it."""

from schemas.commands.access import *  # noqa: F403
from schemas.commands.matching import *  # noqa: F403
from schemas.commands.settlement import *  # noqa: F403
