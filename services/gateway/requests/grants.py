"""Bodies about the use of grants."""

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from schemas.base import INTEGER_MAX
from services.gateway.requests.base import Amount, Body, Reason, Text

ROWS_MAX: Final = 10_000


class UsageBody(Body):
    quantity: Amount
    purpose: Text = ""
    spatial: Text = ""


class RefundBody(Body):
    """`amount_minor` of all that was paid, fees included."""

    amount_minor: Amount
    reason: Reason


class DeliveryBody(Body):
    """Without `limit` the whole file is delivered as it was published."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"limit": 2}]})

    offset: Annotated[int, Field(ge=0, le=INTEGER_MAX)] = 0
    limit: Annotated[int, Field(gt=0, le=ROWS_MAX)] | None = None
    purpose: Text = ""
    spatial: Text = ""
