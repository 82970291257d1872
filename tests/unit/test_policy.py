"""What a policy allows, by the table in `policy_cases.yaml`, and when it is used up."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from market.policy import evaluate, is_exhausted
from schemas.policy import Policy, UseRequest

NOON = 1_795_521_600_000  # 2026-11-24T12:00:00Z
USE = {
    "action": "use",
    "at_ms": NOON,
    "count_after": 10,
    "purpose": "research/health",
    "spatial": "CN/GX/450100",
    "recipient": "pty_anna",
}
SECTIONS = yaml.safe_load((Path(__file__).parent / "policy_cases.yaml").read_text())
CASES = [
    pytest.param(case, id=f"{section}: {case['why']}")
    for section, cases in SECTIONS.items()
    for case in cases
]


def policy(*permissions: dict[str, Any]) -> Policy:
    """Return a policy as it comes out of JSON."""
    names = ("left_operand", "operator", "right_operand")
    plain = [
        {
            "action": permission["action"],
            "constraints": [dict(zip(names, c, strict=True)) for c in permission.get("when", [])],
        }
        for permission in permissions
    ]
    return msgspec.json.decode(msgspec.json.encode({"permissions": plain}), type=Policy)


def allowing(*constraints: list) -> Policy:
    return policy({"action": "use", "when": constraints})


def test_there_are_enough_cases_and_no_two_of_one_name() -> None:
    assert len(CASES) == len({case.id for case in CASES}) >= 100
    assert {case.values[0]["allow"] for case in CASES} == {True, False}
    known = {"allow", "why", "when", "permissions", "use"}
    assert all(case.values[0].keys() <= known for case in CASES)


@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    permissions = case.get("permissions", [{"action": "use", "when": case.get("when", [])}])
    decision = evaluate(policy(*permissions), UseRequest(**{**USE, **case.get("use", {})}))
    assert decision.allowed is case["allow"]
    assert (decision.reason == "") is case["allow"]
    if not case["allow"] and len(case.get("when", [])) == 1:
        assert decision.reason == "{}_{}".format(*case["when"][0])


def test_the_reason_is_the_constraint_that_failed_in_the_last_permission_looked_at() -> None:
    few, ours = ["count", "lteq", 5], ["recipient", "eq", "pty_anna"]
    assert evaluate(allowing(ours, few), UseRequest(**USE)).reason == "count_lteq"
    assert evaluate(policy(), UseRequest(**USE)).reason == "no_permission_for_action"


@pytest.mark.parametrize(
    ("constraints", "count", "exhausted"),
    [
        ([["count", "lteq", 10]], 9, False),
        ([["count", "lteq", 10]], 10, True),
        ([["count", "lteq", 10]], 11, True),
        ([["count", "lt", 10]], 8, False),
        ([["count", "lt", 10]], 9, True),
        ([["count", "eq", 10]], 3, False),  # seven more at once are still allowed
        ([["count", "eq", 10]], 10, True),
        ([["count", "neq", 10]], 9, False),  # two more at once are
        ([["count", "gt", 10]], 3, False),
        ([["count", "gteq", 10]], 3, False),
        ([["count", "gteq", 3], ["count", "lteq", 10]], 10, True),
        ([["count", "lteq", "10"]], 1, True),  # it never allows anything
        ([["count", "upTo", 10]], 1, True),
        ([["purpose", "eq", "x"]], 10**9, False),
        ([], 10**9, False),
    ],
)
def test_a_count_is_used_up_when_no_larger_one_is_allowed(
    constraints: list, count: int, exhausted: bool
) -> None:
    assert is_exhausted(allowing(*constraints), count) is exhausted


def test_all_permissions_must_be_used_up_and_none_is_never() -> None:
    ten, twenty = ({"action": "use", "when": [["count", "lteq", most]]} for most in (10, 20))
    assert not is_exhausted(policy(ten, twenty), 10)
    assert is_exhausted(policy(ten, twenty), 20)
    assert not is_exhausted(policy(), 20)
