"""What a test needs of the machine: on a laptop it may be missing, in CI it may not."""

import os
from typing import NoReturn

import pytest


def lacking(why: str) -> NoReturn:
    """Skip the test, saying why; where CI=true, fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{why}; this must not be left out in CI")
    pytest.skip(why)
