"""Apache Kafka on this machine: one node, broker and controller in one process, on loopback only.

In its folder: `kafka.json` (its ports, kept for ever, so that clients find it again), `kafka-data`,
`kafka.pid`, `kafka.properties` and `logs`. What it has acknowledged survives its SIGKILL, since the
system's page cache does; a loss of power may take the last seconds, as Kafka leaves forcing to disk
to the system and to other replicas, of which there are none here.
"""

import base64
import json
import shutil
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from services.files import write_whole
from services.local.daemon import Daemon, LocalError, Stopped
from services.local.java import cache_folder, find_java, kafka_jars, kafka_version
from services.local.ports import HOST, free_port, is_free

TITLE: Final = "Apache Kafka"
HEAP: Final = "512m"
START_SECONDS_MAX: Final = 120.0  # 3 alone, more on a busy machine or with much to recover
STOP_SECONDS_MAX: Final = 30.0
ANSWER_SECONDS_MAX: Final = 2.0
JAVA_OPTIONS: Final = (
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Xlog:disable",  # of Java's own: what it has to say of shared classes would hide errors
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.xml')}",
)
_METADATA_REQUEST: Final = struct.pack(">ihhihi", 14, 3, 1, 7, -1, 0)  # version 1, of no topic
_METADATA_ANSWER: Final = struct.Struct(">iii")  # length, correlation id, number of brokers
SETTINGS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    # One node has one replica of everything.
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    # Topics are made by `databourse migrate`, and kept; their records may bear simulated times.
    "auto.create.topics.enable": "false",
    "log.retention.ms": "-1",
    "log.message.timestamp.after.max.ms": str(2**63 - 1),
    # A killed broker is let in again when the session of its past life has ended: 9 s by default.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": str(
        16 * 1024 * 1024
    ),  # 128 MB would be a quarter of the heap
}


class Node(NamedTuple):
    """What stays the same from start to start."""

    port: int
    controller_port: int
    cluster_id: str
    version: str  # of the last start


class Status(NamedTuple):
    """A running node, as it is told."""

    address: str
    pid: int
    version: str
    uptime_seconds: int


class Kafka:
    """The node of a folder. Every error is a LocalError that says what to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.daemon = Daemon(self.folder, "kafka", TITLE)
        self._node_file = self.folder / "kafka.json"
        self._properties = self.folder / "kafka.properties"
        self._data = self.folder / "kafka-data"

    def start(
        self,
        port: int | None = None,
        heap: str = HEAP,
        tell: Callable[[str], None] = lambda _: None,
    ) -> bool:
        """Return when it is healthy; False if it ran already.

        Without `port` it is the one it had before, or any free one.
        """
        if self.daemon.running() and port not in (None, self._node().port):
            raise LocalError(
                f"{TITLE} runs already, at {self.address()}: stop it first to change its port"
            )
        return self.daemon.start(
            lambda: self._prepare(port, heap, tell),
            healthy=self.is_healthy,
            wait_seconds=START_SECONDS_MAX,
        )

    def stop(self, wait_seconds: float = STOP_SECONDS_MAX) -> Stopped:
        stopped = self.daemon.stop(wait_seconds)
        if stopped is Stopped.STOPPED:
            self._keep_classes()
        return stopped

    def status(self) -> Status | None:
        """Return None when it does not run."""
        running = self.daemon.running()
        if running is None:
            return None
        uptime_ms = time.time_ns() // 1_000_000 - running.started_at_ms
        return Status(self.address(), running.pid, self._node().version, max(0, uptime_ms) // 1000)

    def address(self) -> str:
        """Return `host:port`, also while it does not run. Raises LocalError if it never did."""
        return f"{HOST}:{self._node().port}"

    def is_healthy(self) -> bool:
        """Return whether it answers and counts itself among the living brokers."""
        try:
            with socket.create_connection((HOST, self._node().port), ANSWER_SECONDS_MAX) as peer:
                peer.sendall(_METADATA_REQUEST)
                answer = peer.recv(_METADATA_ANSWER.size, socket.MSG_WAITALL)
        except OSError:
            return False
        return len(answer) == _METADATA_ANSWER.size and _METADATA_ANSWER.unpack(answer)[2] > 0

    def _prepare(self, port: int | None, heap: str, tell: Callable[[str], None]) -> list[str]:
        """Make the folder ready and return the command that starts the node."""
        if "," in str(self.folder):
            raise LocalError(f"{TITLE} takes a comma for the end of a folder's name: {self.folder}")
        java = find_java()
        jars = kafka_jars(tell)
        node = self._settle(port)
        run = [java.program, *JAVA_OPTIONS, f"-Xmx{heap}", "-cp", f"{jars}/*"]
        run += [f"-Ddatabourse.logs={self.daemon.output.parent}"]
        if not self._data.exists():
            self._format(run, node)
        write_whole(self._properties, properties(node, self._data).encode())
        classes = jars.with_name(f"{jars.name}-java-{java.version}.jsa")
        written = classes.with_suffix(f".{node.cluster_id}")
        written.unlink(missing_ok=True)  # a node killed while it wrote them may have left a part
        share = f"-XX:SharedArchiveFile={classes}"
        if not classes.exists():
            share = f"-XX:ArchiveClassesAtExit={written}"
        return [*run, share, "kafka.Kafka", str(self._properties)]

    def _keep_classes(self) -> None:
        """Let later starts have the classes as they were when this one ended: half the time."""
        for written in cache_folder().glob(f"*.{self._node().cluster_id}"):
            written.rename(written.with_suffix(".jsa"))

    def _settle(self, port: int | None) -> Node:
        """Return the node with ports that are free, kept in its file."""
        old = self._node() if self._node_file.exists() else Node(0, 0, new_cluster_id(), "")
        broker = port or old.port or free_port()
        if not is_free(broker):
            raise LocalError(
                f"port {broker}, wanted by {TITLE} in {self.folder}, is in use by another process: "
                "end that one, or choose another with --port"
            )
        controller = old.controller_port  # known to nobody else, so free to move
        if not controller or controller == broker or not is_free(controller):
            controller = free_port(besides=broker)
        node = Node(broker, controller, old.cluster_id, kafka_version())
        write_whole(self._node_file, json.dumps(node._asdict()).encode())
        return node

    def _format(self, run: list[str], node: Node) -> None:
        """Make the storage beside its place and rename it, so that an interrupted one is redone."""
        part = self.folder / "kafka-data.part"
        shutil.rmtree(part, ignore_errors=True)
        write_whole(self._properties, properties(node, part).encode())
        storage_tool = [*run, "kafka.tools.StorageTool", "format", "--standalone"]
        done = subprocess.run(
            [*storage_tool, f"--cluster-id={node.cluster_id}", "--config", str(self._properties)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LocalError(f"{TITLE} could not format {part}:\n{done.stdout}{done.stderr}")
        part.rename(self._data)

    def _node(self) -> Node:
        try:
            return Node(**json.loads(self._node_file.read_text()))
        except FileNotFoundError:
            raise LocalError(
                f"{TITLE} was never started in {self.folder}: "
                f"`databourse kafka start --data {self.folder}`"
            ) from None
        except (ValueError, TypeError, OSError) as error:
            raise LocalError(f"{self._node_file} cannot be read: {error}") from error


def properties(node: Node, data: Path) -> str:
    """Return the node's settings in Java's form."""
    broker, controller = f"{HOST}:{node.port}", f"{HOST}:{node.controller_port}"
    own = {
        "controller.quorum.bootstrap.servers": controller,
        "listeners": f"BROKER://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"BROKER://{broker}",
        "log.dirs": _escaped(str(data)),
    }
    return "".join(f"{name}={value}\n" for name, value in {**SETTINGS, **own}.items())


def _escaped(text: str) -> str:
    """Return the text as Java reads it back from a file of properties, which is Latin-1."""
    units = text.replace("\\", "\\\\").encode("utf-16-be")
    codes = (int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


def new_cluster_id() -> str:
    """Return a random id in Kafka's form, without the "-" that its tools take for an option."""
    return base64.b64encode(uuid.uuid4().bytes, b"A_").rstrip(b"=").decode()
