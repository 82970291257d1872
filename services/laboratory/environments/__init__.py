"""Repeated auctions under the market's own rules as learning environments: `Bidding` for one
bidder among built-in ones (Gymnasium), `Bidders` for several (PettingZoo).
"""

try:
    import gymnasium
    import pettingzoo  # noqa: F401  only whether it is there
except ImportError as error:
    raise ImportError(
        f"{error.name} is missing: learning environments need the extra `learning`; install it "
        'with `pip install ".[learning]"`, or `pip install gymnasium pettingzoo`'
    ) from error

from services.laboratory.environments.bidders import Bidders
from services.laboratory.environments.bidding import Bidding
from services.laboratory.environments.room import Rules

__all__ = ["Bidders", "Bidding", "Rules"]

gymnasium.register("databourse/Bidding-v0", entry_point=f"{Bidding.__module__}:{Bidding.__name__}")
