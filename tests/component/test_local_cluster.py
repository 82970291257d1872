"""`databourse cluster` where there is nothing to start, or where it may not."""

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.commands import UsageError
from services.commands.cluster import app
from services.local.cluster import LocalCluster
from services.local.daemon import LocalError


@pytest.mark.parametrize("verb", ["status", "env"])
def test_a_cluster_that_never_was_is_told_with_what_to_do(tmp_path: Path, verb: str) -> None:
    done = CliRunner().invoke(app, [verb, "--data", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert done.exception.exit_code == 3
    assert f"`databourse cluster start --data {tmp_path}`" in str(done.exception)


def test_stopping_what_does_not_run_is_right(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["stop", "--data", str(tmp_path), "--json"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"running": False})


def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cluster = LocalCluster(tmp_path, ["audit", "gateway"], lambda words: words)
        with pytest.raises(LocalError, match=f"port {port} is in use; choose another with --port"):
            cluster.start_services("gx", port)
