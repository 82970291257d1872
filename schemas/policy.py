"""Policies of use: the part of ODRL 2.2 that grants are written in.

Operands, operators and actions are open strings on purpose: what the evaluator does not know it
denies, so a policy from elsewhere never grants more than was understood.
"""

from typing import Annotated

from msgspec import Meta

from schemas.base import INTEGER_MAX, Amount, Fact, Millis, Text

Word = Annotated[str, Meta(max_length=200)]
Operand = (
    Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
    | Word
    | Annotated[tuple[Word, ...], Meta(max_length=1_000)]
)


class Constraint(Fact):
    left_operand: Word
    operator: Word
    right_operand: Operand


class Permission(Fact):
    """Allows `action` when every constraint holds."""

    action: Word
    constraints: Annotated[tuple[Constraint, ...], Meta(max_length=50)] = ()


class Policy(Fact):
    """Allows what at least one of its permissions allows; nothing when it has none."""

    permissions: Annotated[tuple[Permission, ...], Meta(max_length=20)]


class UseRequest(Fact):
    """A use about to happen; `count_after` is the grant's counter if it is allowed."""

    action: Word
    at_ms: Millis
    count_after: Amount
    purpose: Text = ""
    spatial: Text = ""
    recipient: Word = ""
