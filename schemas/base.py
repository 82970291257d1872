"""What every message of the language is made of."""

import msgspec


class SchemaError(ValueError):
    """A message, or a part of one, that does not follow the schema; the text says what and where."""


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """An immutable value inside a message."""
