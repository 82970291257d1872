"""The reference as people read it: topics, messages and parts; reasons; commands."""

from collections.abc import Iterator
from typing import Any, Final

from schemas.reasons import Refusal
from schemas.topics import TOPICS
from services.client.operations import NOUNS, ROWS, summary_of
from services.gateway.problems import refusal_problem
from services.reference.messages import components
from services.reference.terms import TERMS

_GENERATED: Final = "<!-- Made by `databourse schema export`; edit the code instead. -->"


def messages_text() -> str:
    schemas = components("{name}")
    carried = [kind.__name__ for topic in TOPICS for kind in topic.carries]
    lines = ["# Messages 消息", "", _GENERATED, "", _TOP, ""]
    lines += ["| topic | written by | read by | messages |", "|---|---|---|---|"]
    for topic in TOPICS:
        readers = ", ".join(reader.value for reader in topic.readers)
        kinds = ", ".join(_link(kind.__name__) for kind in topic.carries)
        lines.append(f"| `{topic.name}` | {topic.writer.value} | {readers} | {kinds} |")
    for topic in TOPICS:
        lines += ["", f"## Topic `{topic.name}`"]
        for kind in topic.carries:
            lines += _part(kind.__name__, schemas[kind.__name__])
    lines += ["", "## Parts of messages 消息组成"]
    for name in sorted(set(schemas) - set(carried)):
        lines += _part(name, schemas[name])
    return "\n".join(lines) + "\n"


_TOP: Final = """Amounts are integers in minor units of a currency, times UTC epoch milliseconds.
A field that is not needed may be left out, and then has the value given, or none. Bytes are JSON
with sorted keys and without white space; a field at its default is left out of them."""


def _part(name: str, schema: dict[str, Any]) -> Iterator[str]:
    chinese = TERMS.get(name)
    yield ""
    yield f"### {name}{f' {chinese}' if chinese else ''}"
    if text := schema.get("description"):
        yield ""
        yield " ".join(text.split())
    if "enum" in schema:
        yield ""
        yield ", ".join(f"`{value}`" for value in schema["enum"])
    fields = {
        field: about for field, about in schema.get("properties", {}).items() if field != "type"
    }
    if not fields:
        return
    yield ""
    yield "| field | 名称 | what | needed |"
    yield "|---|---|---|---|"
    for field, about in fields.items():
        needed = "yes" if field in schema.get("required", ()) else _default(about)
        yield f"| `{field}` | {TERMS.get(field, '')} | {_kind(about)} | {needed} |"


def _default(about: dict[str, Any]) -> str:
    return "" if about.get("default") in (None, "", [], {}) else f"`{about['default']}`"


def _kind(about: dict[str, Any]) -> str:
    """Return what a value is, in words."""
    if "$ref" in about:
        return _link(about["$ref"])
    if "anyOf" in about:
        return " or ".join(_kind(part) for part in about["anyOf"])
    if "enum" in about:
        return ", ".join(f"`{value}`" for value in about["enum"])
    if "const" in about:
        return f"`{about['const']}`"
    match about.get("type"):
        case "array":
            return f"list of {_kind(about['items']) if 'items' in about else 'anything'}"
        case "string":
            return f"text{_bounds(about, 'minLength', 'maxLength')}"
        case "integer":
            return f"integer{_bounds(about, 'minimum', 'maximum')}"
        case "null":
            return "nothing"
        case kind:
            return str(kind or "anything")


def _bounds(about: dict[str, Any], lowest: str, highest: str) -> str:
    low, high = about.get(lowest), about.get(highest)
    if low is None and high is None:
        return ""
    return f" {'' if low is None else f'{low:,}'}..{'' if high is None else f'{high:,}'}"


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()}{_anchor(name)})"


def _anchor(name: str) -> str:
    return f"-{TERMS[name]}" if name in TERMS else ""


def reasons_text() -> str:
    lines = ["# Reasons of refusal 拒绝原因", "", _GENERATED, "", _REASONS, ""]
    lines += ["| reason | status | what to do |", "|---|---|---|"]
    for reason in Refusal:
        problem = refusal_problem(reason.value)
        lines.append(f"| `{reason.value}` | {problem.status} | {problem.detail} |")
    return "\n".join(lines) + "\n"


_REASONS: Final = """Why the rules refused a command: in the event that says so, in the problem that
HTTP answers with (the end of `type`), and on the command line."""


def commands_text() -> str:
    lines = ["# Commands of the HTTP interface 命令", "", _GENERATED, ""]
    for noun, about in NOUNS.items():
        lines += [
            "",
            f"## {noun}",
            "",
            about,
            "",
            "| what | example | operation |",
            "|---|---|---|",
        ]
        for row in ROWS:
            if row.noun == noun:
                call = f"`{row.method} {row.path}`"
                lines.append(f"| {summary_of(row)} | `{row.example}` | {call} |")
    return "\n".join(lines) + "\n"
