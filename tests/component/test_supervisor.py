"""The supervisor starts again what crashed or asks for it, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

SUPERVISE = (
    "import sys; from services.cluster.supervisor import Supervisor; "
    "sys.exit(Supervisor(sys.argv[1:]).run())"
)
CHILD = """
import os, pathlib, signal, sys
starts = pathlib.Path(sys.argv[1])
first = not starts.exists()
starts.open("a").write("x")
if first and sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(sys.argv[2]) if first else 0)
"""


@pytest.mark.parametrize(
    ("first_end", "starts", "code"),
    [("75", 2, 0), ("1", 2, 0), ("killed", 2, 0), ("2", 1, 2), ("0", 1, 0)],
)
def test_what_crashed_is_started_again(
    tmp_path: Path, first_end: str, starts: int, code: int
) -> None:
    told = tmp_path / "starts"
    child = [sys.executable, "-c", CHILD, str(told), first_end]
    ended = subprocess.run([sys.executable, "-c", SUPERVISE, *child], check=False, timeout=60)
    assert (ended.returncode, len(told.read_text())) == (code, starts)
