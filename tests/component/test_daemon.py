"""A server that outlives the command that started it: found again, and no other one signalled."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.local.daemon import Daemon, LocalError, Stopped

SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)",
]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, "sleeper", "The sleeper")
    yield daemon
    daemon.kill()


def start(daemon: Daemon, command: list[str] = SLEEP) -> bool:
    return daemon.start(lambda: command, healthy=lambda: daemon.tail() == "ready", wait_seconds=30)


def test_a_started_server_is_found_by_another_process_and_stopped(daemon: Daemon) -> None:
    assert start(daemon)
    again = Daemon(daemon.output.parents[1], "sleeper", "The sleeper")
    running = again.running()
    assert running is not None
    os.kill(running.pid, 0)
    assert again.stop(wait_seconds=30) is Stopped.STOPPED
    assert daemon.running() is None
    assert again.stop(wait_seconds=30) is Stopped.WAS_NOT_RUNNING


def test_a_second_start_finds_the_first(daemon: Daemon) -> None:
    assert start(daemon)
    before = daemon.running()
    assert not start(daemon)
    assert daemon.running() == before


def test_of_starters_at_the_same_time_one_starts(daemon: Daemon) -> None:
    started: list[bool] = []
    starters = [threading.Thread(target=lambda: started.append(start(daemon))) for _ in range(5)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert sorted(started) == [False, False, False, False, True]


def test_a_killed_server_leaves_no_lock_and_starts_again(daemon: Daemon) -> None:
    start(daemon)
    first = daemon.running()
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    daemon.kill()  # waits for the end; there is nobody to kill
    assert daemon.running() is None
    assert start(daemon)
    second = daemon.running()
    assert second is not None
    assert second.pid != first.pid


def test_a_stale_pid_file_never_gets_another_process_signalled(daemon: Daemon) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        pid_file = daemon.output.parents[1] / "sleeper.pid"
        pid_file.write_text(f"{stranger.pid} 1790000000000\n")
        assert daemon.running() is None
        assert daemon.stop(wait_seconds=30) is Stopped.WAS_NOT_RUNNING
        assert stranger.poll() is None
        assert start(daemon)
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_a_server_deaf_to_sigterm_is_killed(daemon: Daemon) -> None:
    start(daemon, DEAF)
    assert daemon.stop(wait_seconds=0.1) is Stopped.KILLED
    assert daemon.running() is None


def test_a_server_that_ends_at_its_start_is_told_with_its_last_words(daemon: Daemon) -> None:
    with pytest.raises(LocalError, match="The sleeper ended at its start") as told:
        daemon.start(
            lambda: [sys.executable, "-c", "raise SystemExit('no disk')"],
            healthy=lambda: False,
            wait_seconds=30,
        )
    assert str(told.value).endswith("no disk")


def test_a_server_that_does_not_get_healthy_is_killed(daemon: Daemon) -> None:
    with pytest.raises(LocalError, match=r"was not healthy after 0\.1 s"):
        daemon.start(lambda: SLEEP, healthy=lambda: False, wait_seconds=0.1)
    assert daemon.running() is None


def test_a_running_server_that_is_not_healthy_is_left_alone(daemon: Daemon) -> None:
    start(daemon)
    with pytest.raises(LocalError, match="was not healthy"):
        daemon.start(lambda: SLEEP, healthy=lambda: False, wait_seconds=0.1)
    assert daemon.running() is not None


def test_the_output_of_the_start_before_is_kept(daemon: Daemon) -> None:
    start(daemon)
    daemon.stop(wait_seconds=30)
    start(daemon)
    assert daemon.output.with_name("sleeper.out.1").read_text() == "ready\n"


def test_a_server_has_a_session_of_its_own(daemon: Daemon) -> None:
    start(daemon)
    running = daemon.running()
    assert running is not None
    assert os.getsid(running.pid) != os.getsid(0)
    assert time.time_ns() // 1_000_000 - running.started_at_ms < 60_000


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match="cannot be made: Not a directory"):
        start(Daemon(tmp_path / "file", "sleeper", "The sleeper"))
