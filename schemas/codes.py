"""Codes of bodies and of catalogue resources: their form and check digits.

The unified social credit code (统一社会信用代码) is that of GB 32100-2015; its ninth to seventeenth
sign are the organisation code. The 27-character resource code (资源代码) is that of the regional
catalogue guide.
"""

import re
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # without I, O, S, V and Z
_CREDIT_FORM: Final = re.compile(rf"[{_ALPHABET}]{{2}}[0-9]{{6}}[{_ALPHABET}]{{10}}")
_CREDIT_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
_RESOURCE_FORM: Final = re.compile(rf"[123][0-9]{{11}}[{_ALPHABET}]{{9}}[0-9]{{6}}")
_ORGANISATION: Final = slice(8, 17)


def credit_code_fault(code: str) -> str | None:
    """Return what is wrong with a unified social credit code; None when it is right."""
    if len(code) != 18:
        return f"a unified social credit code has 18 characters, not {len(code)}"
    if not _CREDIT_FORM.fullmatch(code):
        return "two signs, six digits and ten signs; signs are digits and A to Y without I, O, S, V"
    right = credit_check_sign(code)
    return None if code[-1] == right else f"the check sign is {code[-1]} and should be {right}"


def credit_check_sign(code: str) -> str:
    """Return the eighteenth sign that the first seventeen of a credit code call for."""
    values = (_ALPHABET.index(sign) for sign in code[:17])
    total = sum(value * weight for value, weight in zip(values, _CREDIT_WEIGHTS, strict=True))
    return _ALPHABET[-total % 31]


def resource_code_fault(code: str, credit_code: str = "") -> str | None:
    """Return what is wrong with a resource code, of this provider if one is told; None when right.

    It is class (1 digit), item (2), entry (3), division (6), organisation (9 signs), serial (6).
    """
    if len(code) != 27:
        return f"a resource code has 27 characters, not {len(code)}"
    if not _RESOURCE_FORM.fullmatch(code):
        return "class 1, 2 or 3, eleven digits, nine signs of an organisation code, six digits"
    organisation = credit_code[_ORGANISATION]
    if organisation and code[12:21] != organisation:
        return f"it names organisation {code[12:21]}, the provider's code {organisation}"
    return None
