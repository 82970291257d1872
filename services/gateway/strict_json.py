"""JSON as the edge takes it: RFC 8259, without what two readers could read in two ways."""

import json
from typing import Any, Final

from schemas.base import INTEGER_MAX
from services.gateway.problems import Problem

DEPTH_MAX: Final = 64


def plain_json(body: bytes) -> bytes:
    """Return the body with every whole number as an integer: 5.0 and 5e0 are 5 (RFC 8259).

    Raises Problem 400 for what is not JSON, has a key twice, or is too deep to be meant.
    """
    respelled = False

    def number(text: str) -> int | float:
        nonlocal respelled
        value = float(text)
        if not value.is_integer() or abs(value) > INTEGER_MAX:
            return value
        respelled = True
        return int(value)

    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_float=number
        )
        if b"\\u" in body:  # half a surrogate pair is valid in JSON and in no other text
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise _malformed(f"deeper than {DEPTH_MAX} levels") from error
    except ValueError as error:
        raise _malformed(str(error)[:200]) from error
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _depth(value) > DEPTH_MAX:
        raise _malformed(f"deeper than {DEPTH_MAX} levels")
    return json.dumps(value).encode() if respelled else body


def _malformed(fault: str) -> Problem:
    return Problem(400, "malformed_json", f"The body is not the JSON that is taken here: {fault}.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice in one object")
    return made


def _constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth
