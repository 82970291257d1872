"""Credit codes by their check sign, resource codes by their parts."""

import pytest

from schemas.codes import credit_check_sign, credit_code_fault, resource_code_fault

PUBLISHED = (  # companies' own, as they stand in the public register
    "914403001922038216",
    "9144030071526726XG",
    "91330100799655058B",
    "91110000600037341L",
    "91350100M000100Y43",
)
BUREAU = "11450000MB1519000C"
RESOURCE = "330045450000MB1519000000001"


@pytest.mark.parametrize("code", PUBLISHED)
def test_published_codes_are_right(code: str) -> None:
    assert credit_code_fault(code) is None


@pytest.mark.parametrize("code", PUBLISHED)
def test_every_single_wrong_sign_is_seen(code: str) -> None:
    for place in range(18):
        for other in "0123456789ABCDEFGHJKLMNPQRTUWXY":
            changed = code[:place] + other + code[place + 1 :]
            assert (credit_code_fault(changed) is None) == (changed == code)


@pytest.mark.parametrize("code", PUBLISHED)
def test_two_neighbours_that_changed_places_are_seen(code: str) -> None:
    for place in range(17):
        left, right = code[place : place + 2]
        changed = code[:place] + right + left + code[place + 2 :]
        assert (credit_code_fault(changed) is None) == (left == right)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("9144030019220382", "has 18 characters, not 16"),
        ("914403001922038210", "the check sign is 0 and should be 6"),
        ("91440300192203821I", "signs are digits and A to Y without I"),
        ("91A403001922038216", "two signs, six digits"),
        ("91440300192203821x", "two signs, six digits"),
    ],
)
def test_a_wrong_code_is_told_what_is_wrong(code: str, fault: str) -> None:
    assert fault in str(credit_code_fault(code))


def test_the_guides_own_example_lacks_its_right_check_sign() -> None:
    """The catalogue guide prints 11450000MB1519000K; K stands for the remainder, C for what is
    wanting.
    """
    assert credit_check_sign("11450000MB1519000") == "C"
    assert credit_code_fault(BUREAU) is None


def test_a_resource_code_names_its_providers_organisation() -> None:
    assert resource_code_fault(RESOURCE) is None
    assert resource_code_fault(RESOURCE, BUREAU) is None
    fault = resource_code_fault(RESOURCE, PUBLISHED[0])
    assert fault == "it names organisation MB1519000, the provider's code 192203821"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (RESOURCE[:-1], "has 27 characters, not 26"),
        (f"4{RESOURCE[1:]}", "class 1, 2 or 3"),
        (f"{RESOURCE[:-1]}A", "six digits"),
        (RESOURCE.replace("MB", "MO"), "nine signs of an organisation code"),
    ],
)
def test_a_wrong_resource_code_is_told_what_is_wrong(code: str, fault: str) -> None:
    assert fault in str(resource_code_fault(code))
