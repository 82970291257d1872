"""Messages inside bodies and rows: checked by their own schema, and described by it.

pydantic knows the parts of the language only by name; `components` gives the JSON Schemas of all
that were named, for the description of the interface.
"""

from typing import Any, Final

import msgspec
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from schemas.base import SchemaError

NAME_KEY: Final = "x-message"
_TEMPLATE: Final = "#/components/schemas/{name}"
_NAMED: Final[dict[str, Any]] = {}


class Part:
    """A field of a body that is part of a message: `entry: Annotated[CatalogueEntry, Part(...)]`.

    A union needs a name of its own.
    """

    def __init__(self, kind: Any, name: str = "") -> None:
        self._kind = kind
        self._schema = _name(kind, name)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.take)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self._schema)

    def take(self, value: Any) -> Any:
        """Raises ValueError that names the field inside the part."""
        try:
            return msgspec.convert(value, self._kind, strict=True)
        except (msgspec.ValidationError, SchemaError) as error:
            raise ValueError(str(error)) from error


def shown(kind: Any, name: str = "", *, nullable: bool = False) -> WithJsonSchema:
    """Return what describes a JSON column of a row as this part of a message."""
    schema = _name(kind, name)
    return WithJsonSchema({"anyOf": [schema, {"type": "null"}]} if nullable else schema)


def components() -> dict[str, Any]:
    """Return the JSON Schema of every named part, and of all they are made of, by name."""
    kinds = list(_NAMED.values())
    schemas, parts = msgspec.json.schema_components(kinds, ref_template=_TEMPLATE)
    for name, schema in zip(_NAMED, schemas, strict=True):
        parts.setdefault(name, schema)
    return parts


def _name(kind: Any, name: str) -> dict[str, Any]:
    name = name or str(kind.__name__)
    assert _NAMED.setdefault(name, kind) == kind, f"two kinds of message are named {name}"
    return {NAME_KEY: name}
