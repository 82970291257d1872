"""Parts of a wish that are given as files, JSON or YAML, or on standard input."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from services.commands import UsageError

DOCUMENT_BYTES_MAX: Final = 4 * 1024 * 1024
STANDARD_INPUT: Final = "-"


def read_document(name: str, option: str) -> Any:
    """Return what a JSON or YAML file holds; "-" is standard input. Raises UsageError."""
    where = "standard input" if name == STANDARD_INPUT else name
    try:
        if name == STANDARD_INPUT:
            text = sys.stdin.read(DOCUMENT_BYTES_MAX + 1)
        else:
            with Path(name).open(encoding="utf-8-sig") as file:
                text = file.read(DOCUMENT_BYTES_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option}: {where} cannot be read: {error}") from error
    if len(text) > DOCUMENT_BYTES_MAX:
        raise UsageError(f"{option}: {where} is longer than {DOCUMENT_BYTES_MAX:,} characters")
    return parse_document(text, f"{option}: {where}")


def parse_document(text: str, where: str) -> Any:
    """Return the document, made of what JSON has. Raises UsageError that names line and column."""
    try:
        document = yaml.load(text, Loader=_Loader)
        json.dumps(document, allow_nan=False)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        raise UsageError(f"{where} is neither JSON nor YAML: {error}") from error
    return document


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads dates as the texts they are, and no references back, which could make a small file a
    huge document.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()
            raise yaml.YAMLError(f"references (*{event.anchor}) are not taken")
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
