"""What a policy allows; whatever is unknown or ill-typed means no."""

import pytest

from market.policy import evaluate, is_exhausted
from schemas.policy import Constraint, Operand, Permission, Policy, UseRequest

NOON = 1_700_000_000_000  # 2023-11-14T22:13:20Z
REQUEST = UseRequest(
    action="use",
    at_ms=NOON,
    count_after=10,
    purpose="research/health",
    spatial="450100",
    recipient="pty_anna",
)
MANY = ("pty_anna", "pty_bole")


def policy(operand: str, operator: str, right: Operand, action: str = "use") -> Policy:
    limit = Constraint(left_operand=operand, operator=operator, right_operand=right)
    return Policy(permissions=(Permission(action=action, constraints=(limit,)),))


@pytest.mark.parametrize(
    ("operand", "operator", "right", "allowed"),
    [
        ("count", "lteq", 10, True),
        ("count", "lteq", 9, False),
        ("count", "lt", 11, True),
        ("count", "lt", 10, False),
        ("count", "eq", 10, True),
        ("count", "eq", 11, False),
        ("count", "neq", 11, True),
        ("count", "neq", 10, False),
        ("count", "gt", 9, True),
        ("count", "gt", 10, False),
        ("count", "gteq", 10, True),
        ("count", "gteq", 11, False),
        ("count", "lteq", "10", False),
        ("count", "isA", 10, False),
        ("count", "isAnyOf", ("10",), False),
        ("dateTime", "lt", NOON + 1, True),
        ("dateTime", "lt", NOON, False),
        ("dateTime", "lteq", "2023-11-14T22:13:20Z", True),
        ("dateTime", "lt", "2023-11-14T22:13:20Z", False),
        ("dateTime", "lteq", "2023-11-15T06:13:20+08:00", True),
        ("dateTime", "lt", "2023-11-15T06:13:20+08:00", False),
        ("dateTime", "gteq", "2023-11-14T22:13:20.000Z", True),
        ("dateTime", "lteq", "2023-11-14T22:13:20", False),
        ("dateTime", "lteq", "2023-11-14", False),
        ("dateTime", "lteq", "tomorrow", False),
        ("dateTime", "isA", NOON, False),
        ("purpose", "eq", "research/health", True),
        ("purpose", "eq", "research", False),
        ("purpose", "eq", "Research/Health", False),
        ("purpose", "neq", "marketing", True),
        ("purpose", "neq", "research/health", False),
        ("purpose", "isA", "research", True),
        ("purpose", "isA", "research/health", True),
        ("purpose", "isA", "resea", False),
        ("purpose", "isA", "", False),
        ("purpose", "isA", "research/health/x", False),
        ("purpose", "isAnyOf", ("research/health", "teaching"), True),
        ("purpose", "isAnyOf", ("teaching",), False),
        ("purpose", "isAnyOf", (), False),
        ("purpose", "isNoneOf", ("marketing",), True),
        ("purpose", "isNoneOf", ("research/health",), False),
        ("purpose", "isNoneOf", (), True),
        ("purpose", "lt", "z", False),
        ("spatial", "eq", "450100", True),
        ("spatial", "isAnyOf", ("450100", "450200"), True),
        ("spatial", "isNoneOf", ("450100",), False),
        ("spatial", "eq", 450100, False),
        ("recipient", "eq", "pty_anna", True),
        ("recipient", "isAnyOf", MANY, True),
        ("recipient", "isNoneOf", MANY, False),
        ("recipient", "isAnyOf", "pty_anna", False),
        ("Count", "lteq", 10, False),
        ("COUNT", "lteq", 10, False),
        ("datetime", "lt", NOON + 1, False),
        ("colour", "eq", "red", False),
        ("", "eq", "", False),
        ("count", "LTEQ", 10, False),
        ("count", "lessThan", 11, False),
        ("count", "", 10, False),
        ("purpose", "isa", "research", False),
        ("purpose", "isPartOf", "research", False),
    ],
)
def test_one_constraint(operand: str, operator: str, right: Operand, allowed: bool) -> None:
    decision = evaluate(policy(operand, operator, right), REQUEST)
    assert decision.allowed is allowed
    assert (decision.reason == "") is allowed
    if not allowed:
        assert decision.reason == f"{operand}_{operator}"


@pytest.mark.parametrize("action", ["Use", "USE", "read", "", "distribute"])
def test_an_unknown_action_is_denied(action: str) -> None:
    unconditional = Policy(permissions=(Permission(action=action),))
    assert evaluate(unconditional, REQUEST).reason == "no_permission_for_action"


def test_a_policy_without_permissions_allows_nothing() -> None:
    assert not evaluate(Policy(permissions=()), REQUEST).allowed


def test_all_constraints_of_one_permission_must_hold_and_one_permission_is_enough() -> None:
    few = Constraint(left_operand="count", operator="lteq", right_operand=5)
    ours = Constraint(left_operand="recipient", operator="eq", right_operand="pty_anna")
    both = Permission(action="use", constraints=(ours, few))
    assert evaluate(Policy(permissions=(both,)), REQUEST).reason == "count_lteq"
    alone = Permission(action="use", constraints=(ours,))
    assert evaluate(Policy(permissions=(both, alone)), REQUEST).allowed


@pytest.mark.parametrize(("count", "exhausted"), [(9, False), (10, True), (11, True)])
def test_a_count_is_exhausted_when_not_one_more_is_left(count: int, exhausted: bool) -> None:
    assert is_exhausted(policy("count", "lteq", 10), count) is exhausted


def test_a_policy_without_a_count_is_never_exhausted() -> None:
    assert not is_exhausted(policy("purpose", "eq", "x"), 10**9)
