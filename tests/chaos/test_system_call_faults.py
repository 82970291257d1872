"""A fault at every system call of commits, uploads and checkpoints: what was acknowledged is
there after a restart, and the trail verifies and replays.

The calls are counted in a run without faults; then there is one run for each (call, n, fault).
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from services.audit.store import stored_notes
from services.commands.serve import open_process
from services.files import sha256_of
from tests.builders.needs import lacking
from tests.builders.recorded import record
from tests.builders.trail import effects, findings

ROOT = Path(__file__).parents[2]
SUBJECT = Path(__file__).with_name("subject.py")
CALLS = (
    *("write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate"),
    *("rename", "renameat", "renameat2", "unlink"),
)
FAULTS = {"EIO": "error=EIO", "KILL": "signal=KILL"}
SECONDS_MAX = 60
POINTS_MIN = 70  # fewer would mean that the trace was not read


class Point(NamedTuple):
    """The n-th call of this name, and the step it belongs to."""

    call: str
    n: int
    step: str


@pytest.fixture(scope="module")
def strace() -> str:
    path = shutil.which("strace")
    works = path and subprocess.run([path, "-qq", "true"], capture_output=True).returncode == 0
    if not path or not works:
        why = "not allowed to trace here" if path else "not installed: `apt-get install strace`"
        lacking(f"strace is {why}")
    return path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "market"
    record(folder)
    return folder


def run(strace: str, folder: Path, *options: str, early: bool = False) -> str:
    """Run the subject under strace; return what it said."""
    done = subprocess.run(
        [strace, "-f", "-qq", "-e", f"trace={','.join(CALLS)}", *options]
        + [sys.executable, str(SUBJECT), str(folder)]
        + (["--early"] if early else []),
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    return done.stdout


def points(strace: str, prepared: Path, tmp_path: Path, early: bool = False) -> list[Point]:
    """Return every call but those by which the subject speaks."""
    folder, trace = copy(prepared, tmp_path / "counted"), tmp_path / "trace"
    said = run(strace, folder, "-o", str(trace), early=early)
    assert "done close all" in said
    counts: Counter[str] = Counter()
    found: list[Point] = []
    step = "start"
    for line in trace.read_text(errors="replace").splitlines():
        call = re.match(r"\d+ +(\w+)\((.*)", line)
        assert call, line
        counts[call[1]] += 1
        if marker := re.match(r'1, "(begin|done) (\w+)', call[2]):
            step = marker[2]
        else:
            found.append(Point(call[1], counts[call[1]], step))
    assert len(found) >= POINTS_MIN, found
    return found


def hurt(strace: str, folder: Path, point: Point, fault: str, early: bool = False) -> str:
    inject = f"inject={point.call}:{FAULTS[fault]}:when={point.n}"
    return run(strace, folder, "-o", "/dev/null", "-e", inject, early=early)


def copy(prepared: Path, folder: Path) -> Path:
    return Path(shutil.copytree(prepared, folder))


def missing(folder: Path, said: str) -> Iterator[str]:
    """Restart the market; yield what is not as it was acknowledged, or does not verify."""
    open_process(folder).stop()
    yield from map(str, findings(folder))
    deposits = effects(folder)
    published = {size for size, _ in stored_notes(folder)}
    for name, told in re.findall(r"^done (\w+) (\S+)$", said, re.MULTILINE):
        right = {
            "commit0": lambda told=told: deposits[told] == 1,
            "commit1": lambda told=told: deposits[told] == 1,
            "upload": lambda told=told: sha256_of(folder / "content" / told) == told,
            "publish": lambda told=told: int(told) in published,
            "close": lambda: True,
        }[name]
        if not right():
            yield f"{name} acknowledged {told}"
    if "wrong:" in said:
        yield said


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_at_any_system_call_loses_what_was_acknowledged(
    fault: str, strace: str, prepared: Path, tmp_path: Path
) -> None:
    hurt_steps = set()
    for point in points(strace, prepared, tmp_path):
        folder = copy(prepared, tmp_path / "hurt")
        said = hurt(strace, folder, point, fault)
        if f"done {point.step} " not in said:
            hurt_steps.add(point.step)
        assert list(missing(folder, said)) == [], (point, fault, said)
        shutil.rmtree(folder)
    assert {"commit0", "commit1", "upload", "publish"} <= hurt_steps


@pytest.mark.long
def test_an_acknowledgement_before_the_commit_is_found_out(
    strace: str, prepared: Path, tmp_path: Path
) -> None:
    """The negative control: the same faults on a subject that acknowledges too early."""
    found_out = 0
    for point in points(strace, prepared, tmp_path, early=True):
        if point.step != "commit1":
            continue
        folder = copy(prepared, tmp_path / "hurt")
        said = hurt(strace, folder, point, "KILL", early=True)
        found_out += bool(list(missing(folder, said)))
        shutil.rmtree(folder)
    assert found_out > 5, "the test cannot see an acknowledgement that came too early"
