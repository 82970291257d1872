"""Bodies about webhooks."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from services.gateway.requests.base import Body
from services.gateway.webhooks.kinds import KINDS
from services.gateway.webhooks.target import URL_CHARACTERS_MAX

Kind = StrEnum("Kind", {kind.replace(".", "_"): kind for kind in KINDS})  # type: ignore[misc]


class WebhookBody(Body):
    """Where to post, over https and to a public address, and what to tell of."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "target_url": "https://hooks.example.org/databourse",
                    "kinds": ["bid.outbid", "auction.ended"],
                }
            ]
        }
    )
    target_url: Annotated[str, Field(min_length=10, max_length=URL_CHARACTERS_MAX)]
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=len(KINDS))]
