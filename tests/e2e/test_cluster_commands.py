"""The commands of the documents about a cluster, one after the other, as they stand there."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cluster.supervisor import own_command
from services.commands.service import Name
from services.local.cluster import LocalCluster
from services.local.kafka import Kafka
from services.local.ports import free_port
from services.local.postgres import LocalPostgres
from tests.builders import postgres
from tests.builders.broker import need_kafka
from tests.e2e.test_commands import ON_A_CLUSTER, ROOT, RUN

pytestmark = pytest.mark.long
CALLED = (  # by its module, in the environment that is there already
    'python3() { if [ "$1" = run.py ]; then shift; set -- -m services.cli "$@"; fi; '
    f'{shlex.quote(sys.executable)} "$@"; }}'
)
SERVICES = [name.value for name in Name]
PORTS = ("29092", "25432", "8321")  # that the documents name
AT_WORK_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 60.0


class Shell:
    """Carries out the lines of a shell block: exports, commands, commands in the background, and
    the end of these.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._background: list[subprocess.Popen[bytes]] = []
        self._ports = {port: str(free_port()) for port in PORTS}

    def carry_out(self, line: str) -> None:
        for port, free in self._ports.items():
            line = line.replace(port, free)
        if line.startswith("export "):
            name, _, value = shlex.split(line)[1].partition("=")
            self._environment[name] = value
        elif line.startswith("kill "):
            self.end()
        else:
            assert line.startswith(RUN), line
            self._run(shlex.split(line)[2:])

    def end(self) -> None:
        """End what runs in the background; it ends rightly."""
        for process in self._background:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(STOP_SECONDS_MAX) for process in self._background]
        self._background.clear()
        assert set(codes) <= {0}

    def kill(self) -> None:
        for process in self._background:
            process.kill()

    def _run(self, words: list[str]) -> None:
        in_background = words[-1] == "&"
        command = [sys.executable, "-m", "services.cli", *words[: -1 if in_background else None]]
        if in_background:
            self._background.append(
                subprocess.Popen(command, cwd=self._folder, env=self._environment)
            )
            return
        tried_until = time.monotonic() + (AT_WORK_SECONDS_MAX if words == ["doctor"] else 0)
        while True:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=self._environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                return
            told = (words, done.stdout[-3000:], done.stderr[-3000:])
            assert time.monotonic() < tried_until, told


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that any account may enter: PostgreSQL does not run as root."""
    need_kafka()
    postgres.need_postgres()
    folder = Path(tempfile.mkdtemp(prefix="databourse-cluster-"))
    folder.chmod(0o755)
    yield folder
    for kafka in folder.glob("gx-kafka*"):
        Kafka(kafka).daemon.kill()
    LocalPostgres(folder / "gx-postgres").kill()
    shutil.rmtree(folder)


def test_the_readme_of_a_cluster_can_be_followed_to_the_letter(folder: Path) -> None:
    """Every line as it stands there, in a shell, from an empty folder."""
    (block,) = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    port = f"cluster start --port {free_port()}"  # another one may listen on the usual one
    script = f"cd {folder}\n{block.replace('cluster start', port)}"
    cluster = LocalCluster(folder / "gx-cluster", SERVICES, own_command)
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{CALLED}\n{script}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
        assert not any(part.running for part in cluster.parts())
    finally:
        cluster.kill()
    assert "Office" in done.stdout
    assert "verified: " in done.stdout
    assert "replayed: " in done.stdout


def test_every_command_about_a_cluster_works(folder: Path) -> None:
    text = (ROOT / "docs" / "operations.md").read_text().partition(ON_A_CLUSTER)[2]
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert f"{RUN}audit restore" in lines
    shell = Shell(folder)
    try:
        for line in lines:
            shell.carry_out(line)
        shell.end()
    finally:
        shell.kill()
