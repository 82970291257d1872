"""What every message of the language is made of."""

from typing import Annotated

import msgspec
from msgspec import Meta


class SchemaError(ValueError):
    """A message, or a part of one, that does not follow the schema; the text says what and
    where.
    """


class Fact(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    gc=False,
    omit_defaults=True,
):
    """An immutable value inside a message.

    Fields at their default are left out of the bytes, so a field added later with a default
    leaves the bytes of every older record as they were, and an old log still replays exactly.
    """


class Command(Fact, tag_field="type", tag=True):
    """A wish, in the imperative. It may be refused.

    `id` is made by the caller and is the idempotency key; every id that follows from the command
    is derived from it. `at_ms` is stamped once, where the command enters (UTC epoch ms).
    """

    id: "Id"
    at_ms: "Millis"


class Event(Fact, tag_field="type", tag=True):
    """A fact, in the past tense. `at_ms` is when it counts from: its command's stamp, or its
    deadline.
    """

    at_ms: "Millis"


INTEGER_MAX = 2**53 - 1  # the largest integer every JSON reader keeps exact (RFC 8785)

ID_LENGTH_MAX = 64

Id = Annotated[str, Meta(min_length=5, max_length=ID_LENGTH_MAX)]
Millis = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Amount = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]  # minor units of a currency
PositiveAmount = Annotated[int, Meta(ge=1, le=INTEGER_MAX)]
Quantity = Annotated[int, Meta(ge=1, le=INTEGER_MAX)]
BasisPoints = Annotated[int, Meta(ge=0, le=10_000)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=4_000)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]
Nonce = Annotated[str, Meta(min_length=32, max_length=32)]  # 128 bits in hexadecimal
Accepted = Annotated[str, Meta(max_length=64, pattern=r"^([0-9a-f]{64})?$")]  # of terms, or none
OptionalNonce = Annotated[str, Meta(max_length=32, pattern="^([0-9a-f]{32})?$")]  # or none
Sha256 = Annotated[str, Meta(min_length=64, max_length=64, pattern=r"^[0-9a-f]{64}$")]
