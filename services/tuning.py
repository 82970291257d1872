"""What a long-running process asks of the interpreter."""

import gc
from typing import Final

COLLECTION_THRESHOLDS: Final = (100_000, 20, 50)


def expect_few_cycles() -> None:
    """Look for reference cycles rarely: messages and states hold none."""
    gc.set_threshold(*COLLECTION_THRESHOLDS)
