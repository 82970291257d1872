"""The commands people type: those in the documents, as they stand there, and what they answer."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.server import Server

ROOT = Path(__file__).parents[2]
RUN = "python3 run.py "
ON_A_CLUSTER = "\n## On a cluster\n"  # from there on: test_cluster_commands


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def documented(*paths: Path) -> list[list[str]]:
    """Return the commands in the documents' shell blocks, in order."""
    found: list[list[str]] = []
    for path in paths:
        text = path.read_text().partition(ON_A_CLUSTER)[0]
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            lines = [line for line in block.splitlines() if line.startswith(RUN)]
            found += [shlex.split(line, comments=True) for line in lines]
    return [words[2:] for words in found]


def test_every_command_of_the_readme_works_in_an_empty_folder(tmp_path: Path) -> None:
    commands = documented(ROOT / "README.md")
    assert ["demo"] in commands
    carry_out(commands, tmp_path)


@pytest.mark.long
def test_every_command_of_the_documents_works_after_the_demo(tmp_path: Path) -> None:
    (demo,) = (words for words in documented(ROOT / "README.md") if words[:2] == ["demo", "--data"])
    carry_out([demo, *documented(*sorted((ROOT / "docs").glob("*.md")))], tmp_path)


def carry_out(commands: list[list[str]], tmp_path: Path) -> None:
    for name in ("tests", "examples", "bench"):
        (tmp_path / name).symlink_to(ROOT / name)
    for words in commands:
        if words[0] == "test":  # this is what runs now
            continue
        if words[0] == "python":  # a benchmark: that it starts is enough here
            help_text = subprocess.run(
                [sys.executable, *words[1:], "--help"], cwd=ROOT, capture_output=True, check=True
            )
            assert b"--json" in help_text.stdout
            continue
        bounded = ["--for", "3", "--port", "0", "--no-browser"] if words == ["demo"] else []
        done = run(*words, *bounded, cwd=tmp_path)
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])


def test_the_demo_trades_in_all_modes_and_proves_it(tmp_path: Path) -> None:
    arguments = ("--for", "12", "--port", "0", "--no-browser", "--json")
    done = run("demo", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert min(report["trades"][mode] for mode in ("free", "metered", "auction")) >= 1
    assert report["grants"] == sum(report["trades"].values())
    assert report["usage"] >= 1
    assert report["ledger_balanced"] is True
    assert report["audit"]["verified"] is report["audit"]["replayed"] is True
    assert report["audit"]["size"] > 100


def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--data", str(tmp_path / "market"), "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} is in use; choose another with --port" in done.stderr
    assert not (tmp_path / "market").exists()


def test_a_folder_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    server = Server(tmp_path / "market")
    done = run("serve", "--data", str(tmp_path / "market"), "--port", "0")
    assert done.returncode == 2
    assert "is in use by another process; stop that one or choose another folder" in done.stderr
    assert server.stop() == 0


def test_exit_codes_of_catalog_import(tmp_path: Path) -> None:
    data, files = ("--data", str(tmp_path / "market")), ROOT / "tests" / "data" / "dcat-us"
    good, faulty = str(files / "usda.gov.data.json"), str(files / "numerical-title.data.json")
    missing = str(tmp_path / "nothing.json")
    assert run("catalog", "import", good, *data).returncode == 0
    assert run("catalog", "import", good, faulty, *data).returncode == 1
    mixed = run("catalog", "import", missing, good, *data, "--json")
    assert mixed.returncode == 2
    assert [(told["file"], told["imported"]) for told in json.loads(mixed.stdout)] == [
        (missing, 0),
        (good, 3),
    ]
    address = ("--url", "http://127.0.0.1:9", "--supplier", "pty_other1")
    assert run("catalog", "import", good, *address, "--json").returncode == 3


def test_exit_codes_of_audit(tmp_path: Path) -> None:
    assert run("audit", "verify", "--data", str(tmp_path / "nothing")).returncode == 3
    assert run("audit", "verify").returncode == 2
    server = Server(tmp_path / "market")
    server.stop()
    data = ("--data", str(tmp_path / "market"))
    verified = run("audit", "verify", *data, "--json")
    assert verified.returncode == 0
    assert json.loads(verified.stdout)["verified"] is True
    assert run("audit", "show", "99999", *data).returncode == 2
    assert run("audit", "verify", *data, "--key", "nonsense").returncode == 2
    (tmp_path / "market" / "audit.sqlite3").unlink()
    assert run("audit", "verify", *data).returncode == 1


def test_the_doctor_asks_the_running_market_too(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "market"))
    with Server(tmp_path / "market") as server:
        done = run("doctor", *data, "--url", server.url, "--json")
        assert done.returncode == 0, done.stdout
        checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
        assert {checks[name]["state"] for name in ("server", "ready", "published")} == {"ok"}
        server.stop()
    done = run("doctor", *data, "--url", server.url, "--json")
    assert done.returncode == 1
    assert "start it with `databourse serve`" in done.stdout
    assert run("doctor", "--data", str(tmp_path / "nothing")).returncode == 3
