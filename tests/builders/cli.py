"""Commands run in this process, as if typed."""

import pytest

from services.cli import main


def run(*words: str) -> int:
    """Return the exit code."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)
