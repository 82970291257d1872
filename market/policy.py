"""May this use happen? Evaluates a policy; whatever is unknown or ill-typed means no."""

import operator
from collections.abc import Callable
from typing import Final

import msgspec

from schemas.policy import Constraint, Operand, Permission, Policy, UseRequest
from schemas.times import read_iso_time


class Decision(msgspec.Struct, frozen=True, gc=False):
    """`reason` names the constraint that failed; empty when allowed."""

    allowed: bool
    reason: str = ""


ALLOWED: Final = Decision(True)
_HIERARCHY: Final = "/"


def evaluate(policy: Policy, request: UseRequest) -> Decision:
    """Allow when one permission for the action has all its constraints met."""
    denied = Decision(False, "no_permission_for_action")
    for permission in policy.permissions:
        if permission.action != request.action or permission.action not in _ACTIONS:
            continue
        failed = _first_failed(permission, request)
        if failed is None:
            return ALLOWED
        denied = Decision(False, f"{failed.left_operand}_{failed.operator}")
    return denied


def is_exhausted(policy: Policy, count: int) -> bool:
    """Whether, after `count` units, no permission allows any larger count."""
    return bool(policy.permissions) and all(
        any(
            constraint.left_operand == "count" and not _leaves_room(constraint, count)
            for constraint in permission.constraints
        )
        for permission in policy.permissions
    )


def _leaves_room(constraint: Constraint, count: int) -> bool:
    """Whether the constraint holds for some number above `count`."""
    limit = constraint.right_operand
    match constraint.operator:
        case "neq" | "gt" | "gteq":
            return isinstance(limit, int)
        case "eq":
            return isinstance(limit, int) and limit > count
        case _:
            return _holds(constraint, count + 1)


def _first_failed(permission: Permission, request: UseRequest) -> Constraint | None:
    for constraint in permission.constraints:
        read = _OPERANDS.get(constraint.left_operand)
        if read is None or not _holds(constraint, read(request)):
            return constraint
    return None


def _holds(constraint: Constraint, left: int | str) -> bool:
    """Whether they are so related; what is not stated, an empty text, is so to nothing."""
    right = constraint.right_operand
    if left == "":
        return False
    if constraint.left_operand == "dateTime":
        moment = _epoch_ms(right)
        if moment is None:
            return False
        right = moment
    if compare := _ORDERS.get(constraint.operator):
        return isinstance(left, int) and isinstance(right, int) and compare(left, right)
    test = _TESTS.get(constraint.operator)
    return test is not None and test(left, right)


def _epoch_ms(operand: Operand) -> int | None:
    """Return a moment as epoch ms; None for a text that is not RFC 3339 with an offset."""
    if isinstance(operand, int):
        return operand
    if not isinstance(operand, str):
        return None
    try:
        return read_iso_time(operand)
    except ValueError:
        return None


def _equal(left: int | str, right: Operand) -> bool:
    return type(left) is type(right) and left == right


def _differs(left: int | str, right: Operand) -> bool:
    return type(left) is type(right) and left != right


def _is_a(left: int | str, right: Operand) -> bool:
    """Whether left is right, or below it in a hierarchy written with slashes: research/health."""
    if not isinstance(left, str) or not isinstance(right, str) or not right:
        return False
    return left == right or left.startswith(right + _HIERARCHY)


def _is_any_of(left: int | str, right: Operand) -> bool:
    return isinstance(right, tuple) and left in right


def _is_none_of(left: int | str, right: Operand) -> bool:
    return isinstance(right, tuple) and isinstance(left, str) and left not in right


_ACTIONS: Final = frozenset({"use"})
_OPERANDS: Final[dict[str, Callable[[UseRequest], int | str]]] = {
    "count": lambda request: request.count_after,
    "dateTime": lambda request: request.at_ms,
    "purpose": lambda request: request.purpose,
    "spatial": lambda request: request.spatial,
    "recipient": lambda request: request.recipient,
}
_ORDERS: Final[dict[str, Callable[[int, int], bool]]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}
_TESTS: Final[dict[str, Callable[[int | str, Operand], bool]]] = {
    "eq": _equal,
    "neq": _differs,
    "isA": _is_a,
    "isAnyOf": _is_any_of,
    "isNoneOf": _is_none_of,
}
