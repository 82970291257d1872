"""From a catalogue file to its entries, each right or with every fault it has."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

FILE_BYTES_MAX: Final = 100 * 1024 * 1024
SHOWN_CHARACTERS_MAX: Final = 60
_SCHEMA: Final = json.loads((Path(__file__).parent / "dataset.schema.json").read_bytes())
_VALIDATOR: Final = Draft202012Validator(_SCHEMA)
_BOM: Final = b"\xef\xbb\xbf"
_KINDS: Final = {bool: "true or false", int: "a number", float: "a number", str: "text"}


class CatalogueFileError(ValueError):
    """A file that is no catalogue as a whole; the text says why."""


class Entry(msgspec.Struct, frozen=True):
    """One entry by its index in the file. `data_set` is to be used only when `faults` is empty."""

    index: int
    identifier: str | None
    data_set: dict[str, Any]
    faults: list[str]


class _Catalogue(msgspec.Struct):
    dataset: list[msgspec.Raw]


def read_entries(path: Path) -> list[Entry]:
    """Return every entry, in order. Raises CatalogueFileError when the file cannot be read."""
    seen: dict[str, int] = {}
    return [_entry(index, raw, seen) for index, raw in enumerate(_raw_entries(path))]


def _raw_entries(path: Path) -> list[msgspec.Raw]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise CatalogueFileError(f"larger than {FILE_BYTES_MAX:,} bytes; split it")
        body = path.read_bytes().removeprefix(_BOM)
    except OSError as error:
        raise CatalogueFileError(f"cannot be read: {error.strerror}") from error
    try:
        body.decode()
        return msgspec.json.decode(body, type=_Catalogue).dataset
    except UnicodeDecodeError as error:
        raise CatalogueFileError(f"not UTF-8 at byte {error.start}") from error
    except msgspec.ValidationError as error:
        raise CatalogueFileError(
            f"not a catalogue, an object with a list of data sets in `dataset`: {error}"
        ) from error
    except msgspec.DecodeError as error:
        raise CatalogueFileError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise CatalogueFileError("nested too deeply to be read") from error


def _entry(index: int, raw: msgspec.Raw, seen: dict[str, int]) -> Entry:
    try:
        data_set = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        return Entry(index, None, {}, [f"cannot be read: {error}"])
    faults = list(dict.fromkeys(_faults(data_set)))
    named = data_set.get("identifier") if isinstance(data_set, dict) else None
    if not isinstance(named, str):
        return Entry(index, None, {}, faults)
    if named in seen:
        shown = _found(named)
        faults.append(f"identifier: found {shown}, which entry {seen[named]} has already")
    seen.setdefault(named, index)
    return Entry(index, named, data_set, faults)


def _faults(data_set: Any) -> Iterator[str]:
    errors = sorted(_VALIDATOR.iter_errors(data_set), key=lambda error: list(map(str, error.path)))
    for error in errors:
        place = ".".join(map(str, error.absolute_path))
        if error.validator == "required":
            yield from _missing(place, error)
        else:
            expected = error.schema["description"]
            yield f"{place or 'entry'}: found {_found(error.instance)}, expected {expected}"


def _missing(place: str, error: ValidationError) -> Iterator[str]:
    for name in error.schema["required"]:
        if name not in error.instance:
            about = error.schema["properties"][name]
            if "$ref" in about:
                about = _SCHEMA["$defs"][about["$ref"].rpartition("/")[2]]
            field = f"{place}.{name}" if place else name
            yield f"{field}: missing, expected {about['description']}"


def _found(value: Any) -> str:
    """Return what was found in words, its value in short."""
    match value:
        case None:
            return "null"
        case "":
            return "empty text"
        case dict():
            return "an object" if value else "an empty object"
        case list():
            return f"a list of {len(value)}" if value else "an empty list"
        case str() if len(value) > SHOWN_CHARACTERS_MAX:
            return f"text of {len(value):,} characters"
        case _:
            return f"{_KINDS[type(value)]}, {json.dumps(value, ensure_ascii=False)}"
