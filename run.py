#!/usr/bin/env python3
"""Run databourse from a fresh checkout: make or mend its environment, then pass everything on.

    python3 run.py demo            the market in a temporary folder, moving
    python3 run.py test            the quick tests; --all for all of them
    python3 run.py python ...      the environment's own Python

Standard library only. The environment lives in .venv beside this file and is pinned by hash.
"""

from __future__ import annotations  # so that an older Python reads this far and can be told

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".venv-tools"
STAMP = VENV / ".databourse-locks"
WINDOWS = os.name == "nt"
BIN = "Scripts" if WINDOWS else "bin"
RUNTIME_LOCK, DEV_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
NEEDS_DEV = {"test", "check", "python", "bench", "postgres"}


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  an older Python runs this file too
        stop(f"databourse needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    arguments = sys.argv[1:] or ["--help"]
    ensure_environment(dev=arguments[0] in NEEDS_DEV)
    python = str(VENV / BIN / ("python.exe" if WINDOWS else "python"))
    if arguments[0] == "python":
        command = [python, *arguments[1:]]
    else:
        command = [python, "-m", "services.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": path_with_root()}
    if WINDOWS:
        sys.exit(subprocess.call(command, env=environment))
    os.execve(python, command, environment)


def path_with_root() -> str:
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def ensure_environment(*, dev: bool) -> None:
    """Make .venv hold exactly what the locks say. One process at a time; an interrupted one is
    redone.
    """
    if is_current(dev=dev):
        return
    with only_one_at_a_time():
        if is_current(dev=dev):
            return
        dev = dev or read_stamp().endswith("+dev")
        STAMP.unlink(missing_ok=True)
        lock = DEV_LOCK if dev else RUNTIME_LOCK
        say(f"preparing the environment in {VENV.name} from {lock.name} (once)")
        uv = find_uv()
        if uv:
            install_with_uv(uv, lock)
        else:
            install_with_pip(lock)
        STAMP.write_text(stamp(dev=dev))
        say("the environment is ready")


def is_current(*, dev: bool) -> bool:
    found = read_stamp()
    return found == stamp(dev=True) or (not dev and found == stamp(dev=False))


def read_stamp() -> str:
    return STAMP.read_text() if STAMP.exists() else ""


def stamp(*, dev: bool) -> str:
    locks = RUNTIME_LOCK.read_bytes() + DEV_LOCK.read_bytes()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    digest = hashlib.sha256(locks).hexdigest()
    return f"{digest} {version} {'+dev' if dev else ''}"


def find_uv() -> str | None:
    """Return a uv: the one on the path, or one of our own in a private folder; None if there is no
    way.
    """
    if os.environ.get("DATABOURSE_NO_UV"):
        return None
    own = TOOLS / BIN / ("uv.exe" if WINDOWS else "uv")
    found = shutil.which("uv") or (str(own) if own.exists() else None)
    if found:
        return found
    say("getting uv into a private folder")
    try:
        make_venv(TOOLS)
        run([str(TOOLS / BIN / "python"), "-m", "pip", "install", "--quiet", "uv"])
    except subprocess.CalledProcessError:
        say("uv is not to be had; going on with pip")
        return None
    return str(own)


def install_with_uv(uv: str, lock: Path) -> None:
    if not (VENV / BIN).exists():
        run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)])
    python = str(VENV / BIN / "python")
    run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(lock)])


def install_with_pip(lock: Path) -> None:
    if not (VENV / BIN / "pip").exists():
        shutil.rmtree(VENV, ignore_errors=True)
        make_venv(VENV)
    python = str(VENV / BIN / "python")
    run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)])


def make_venv(folder: Path) -> None:
    try:
        run([sys.executable, "-m", "venv", str(folder)])
    except subprocess.CalledProcessError:
        stop(
            "Python's venv module does not work here. On Debian and Ubuntu it is a package "
            "of its own: install python3-venv and run this again."
        )


class only_one_at_a_time:
    """Holds a lock file, so that two first runs do not install over each other."""

    def __enter__(self) -> None:
        self.file = (ROOT / ".venv.lock").open("w")
        if not WINDOWS:
            import fcntl

            fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.file.close()


def run(command: list[str]) -> None:
    """Run a step of the installation; its output goes to stderr, since stdout belongs to the
    command.
    """
    subprocess.run(command, check=True, stdout=sys.stderr, cwd=ROOT)


def say(text: str) -> None:
    sys.stderr.write(f"databourse: {text}\n")


def stop(text: str) -> None:
    say(text)
    sys.exit(2)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        stop(f"this step failed, see above: {' '.join(map(str, error.cmd))}")
    except KeyboardInterrupt:
        sys.exit(130)
