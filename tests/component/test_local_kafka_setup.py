"""What a local Apache Kafka needs of the machine and what it is told, without starting it."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from services.local.daemon import LocalError
from services.local.java import cache_folder, feature_release, find_java, kafka_jars, kafka_version
from services.local.kafka import Kafka, Node, new_cluster_id, properties
from services.local.ports import PORTS, free_port, is_free
from tests.builders.cli import run

NODE = Node(port=20_001, controller_port=20_002, cluster_id="c", version="4.4.0")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the one folder on the PATH, and an empty cache beside it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("DATABOURSE_CACHE", str(tmp_path / "cache"))
    return folder


def put(program: Path, script: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def put_maven(folder: Path, ending: str) -> None:
    """Put a stand-in for Maven that writes one jar into the folder it is told."""
    put(
        folder / "mvn",
        'for word; do case "$word" in -DoutputDirectory=*) out="${word#*=}"; esac; done\n'
        f'/bin/mkdir -p "$out"; echo jar > "$out/kafka.jar"; {ending}',
    )


@pytest.mark.parametrize(
    ("version", "release"),
    [("17.0.15", 17), ("1.8.0_392", 8), ("21", 21), ("25-ea", 25), ("11.0.2", 11), ("new", 0)],
)
def test_the_release_of_java_is_read(version: str, release: int) -> None:
    assert feature_release(version) == release


def test_a_java_that_tells_no_version_is_told(bare: Path) -> None:
    put(bare / "java", "echo 'out of order' >&2")
    with pytest.raises(LocalError, match="does not tell its version: out of order"):
        find_java()


def test_missing_java_is_told_with_what_to_install(
    bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("kafka", "start", "--data", str(tmp_path / "gx")) == 3
    told = capsys.readouterr().err
    assert "there is no Java on the PATH: install Java 17 or newer" in told
    assert "openjdk-17-jre-headless" in told


def test_java_home_goes_before_the_path(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bare / "java", "echo 'openjdk version \"17\"' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    with pytest.raises(LocalError, match=r"no Java in JAVA_HOME \(.*jdk\)"):
        find_java()
    put(tmp_path / "jdk" / "bin" / "java", "echo 'openjdk version \"21\"' >&2")
    assert find_java() == (str(tmp_path / "jdk" / "bin" / "java"), "21")


def test_a_java_too_old_is_told(bare: Path) -> None:
    put(bare / "java", "echo 'Picked up options' >&2; echo 'openjdk version \"11.0.2\"' >&2")
    with pytest.raises(LocalError, match=r"is Java 11\.0\.2: install Java 17 or newer"):
        find_java()


def test_missing_maven_is_told_with_what_to_install(
    bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(bare / "java", "echo 'openjdk version \"17.0.15\"' >&2")
    assert run("kafka", "start", "--data", str(tmp_path / "gx")) == 3
    assert "Maven (mvn) is needed once, to get Apache Kafka: install it" in capsys.readouterr().err


def test_jars_are_got_once(bare: Path) -> None:
    put_maven(bare, "exit 0")
    told: list[str] = []
    jars = kafka_jars(told.append)
    assert (jars / "kafka.jar").exists()
    assert told[0].startswith(f"downloading Apache Kafka {kafka_version()} by Maven into")
    (bare / "mvn").unlink()
    assert kafka_jars(told.append) == jars
    assert len(told) == 2


def test_an_interrupted_download_is_redone(bare: Path) -> None:
    part = cache_folder() / "kafka.part"
    part.mkdir(parents=True)
    (part / "half-a.jar").write_text("")
    put_maven(bare, "exit 0")
    jars = kafka_jars(lambda _: None)
    assert [path.name for path in jars.iterdir()] == ["kafka.jar"]
    assert not part.exists()


def test_a_failed_download_is_told_and_leaves_no_jars(bare: Path) -> None:
    put_maven(bare, "echo 'cannot reach the repository'; exit 1")
    with pytest.raises(LocalError, match="could not get Apache Kafka") as told:
        kafka_jars(lambda _: None)
    assert str(told.value).endswith("cannot reach the repository")
    assert not list(cache_folder().glob("kafka-*"))


def test_a_cache_that_cannot_be_used_is_told(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DATABOURSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(LocalError, match="name another folder by DATABOURSE_CACHE"):
        kafka_jars(lambda _: None)


def test_settings_keep_everything_on_one_node_on_loopback() -> None:
    lines = properties(NODE, Path("/gx/kafka-data")).splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert settings["listeners"] == "BROKER://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert settings["advertised.listeners"] == "BROKER://127.0.0.1:20001"
    assert settings["controller.quorum.bootstrap.servers"] == "127.0.0.1:20002"
    assert settings["log.dirs"] == "/gx/kafka-data"
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["group.initial.rebalance.delay.ms"] == "0"
    assert settings["log.retention.ms"] == "-1"
    one = {name for name, value in settings.items() if "replication.factor" in name}
    assert len(one) == 4
    assert {settings[name] for name in one} == {"1"}
    assert settings["transaction.state.log.min.isr"] == "1"
    assert settings["share.coordinator.state.topic.min.isr"] == "1"


def test_a_folder_in_any_script_is_escaped_for_java() -> None:
    assert "log.dirs=/\\u6570\\u636e/a b\\\\c\n" in properties(NODE, Path("/数据/a b\\c"))


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    port = free_port()
    assert port in PORTS
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)


def test_a_wanted_port_in_use_is_told(
    bare: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(bare / "java", "echo 'openjdk version \"17.0.15\"' >&2")
    put_maven(bare, "exit 0")
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        data = str(tmp_path / "gx")
        assert run("kafka", "start", "--data", data, "--port", str(port)) == 3
    assert f"port {port}, wanted by Apache Kafka" in capsys.readouterr().err


def test_no_cluster_id_looks_like_an_option() -> None:
    ids = {new_cluster_id() for _ in range(2_000)}
    assert len(ids) == 2_000
    assert all(re.fullmatch(r"[A-Za-z0-9_]{22}", name) for name in ids)


def test_a_folder_with_a_comma_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="takes a comma"):
        Kafka(tmp_path / "a,b").start()


def test_a_stale_pid_file_is_no_running_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (tmp_path / "kafka.pid").write_text(f"{stranger.pid} 1790000000000\n")
        assert run("kafka", "status", "--data", str(tmp_path)) == 3
        assert run("kafka", "stop", "--data", str(tmp_path), "--json") == 0
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    told = capsys.readouterr().out
    assert "Apache Kafka does not run in" in told
    assert '"was": "was_not_running"' in told


def test_the_address_of_a_node_never_started_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="was never started in"):
        Kafka(tmp_path).address()
