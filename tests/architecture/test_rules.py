"""The rules of the house, as tests: imports, purity, one writer per topic, sizes, no stray
addresses.
"""

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from schemas import commands, events
from schemas.base import Command, Event
from schemas.topics import DECIDERS, INPUTS, TOPIC_OF, TOPICS, Service

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "market", "streams", "services", "simulation")
PURE = ("schemas", "market", "simulation")
LINES_MAX = 400
CLOCKS_AND_CHANCE = {
    "time": {"time", "time_ns", "monotonic", "perf_counter", "sleep"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "random": {
        "random", "randint", "choice", "shuffle", "uniform", "sample", "seed", "getrandbits",
        "SystemRandom",
    },
    "uuid": {"uuid1", "uuid4"},
    "os": {"urandom", "environ", "getenv"},
    "secrets": {"token_hex", "token_bytes", "token_urlsafe", "randbelow"},
}  # fmt: skip


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def impurities(source: str, *, floats: bool = True) -> list[str]:
    """Return what in this source reads a clock or chance, or computes with floats, with its
    line.
    """
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if name in (
                CLOCKS_AND_CHANCE.get(owner, ())
            ):
                found.append(f"line {node.lineno}: {owner}.{name}")
            case ast.ImportFrom(module=owner, names=names):
                taken = {alias.name for alias in names} & CLOCKS_AND_CHANCE.get(owner or "", set())
                found += [f"line {node.lineno}: {owner}.{name}" for name in taken - {"date"}]
            case ast.Constant(value=float()) if floats:
                found.append(f"line {node.lineno}: a float")
            case ast.Call(func=ast.Name(id="float")) if floats:
                found.append(f"line {node.lineno}: float()")
            case ast.Name(id="float") if floats:
                found.append(f"line {node.lineno}: the type float")
            case ast.BinOp(op=ast.Div()) if floats:
                found.append(f"line {node.lineno}: / makes a float; use //")
    return found


def test_imports_point_one_way() -> None:
    program = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports())"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert callable(lint_imports)


@pytest.mark.parametrize("path", sources(*PURE), ids=lambda path: str(path.relative_to(ROOT)))
def test_language_rules_and_simulation_know_no_clock_chance_or_float(path: Path) -> None:
    floats = path.relative_to(ROOT).parts[0] in ("schemas", "market")
    assert impurities(path.read_text(), floats=floats) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\nnow = time.time()",
        "from time import monotonic",
        "from datetime import datetime\nnow = datetime.now()",
        "import random\nx = random.random()",
        "import uuid\nx = uuid.uuid4()",
        "import os\nx = os.urandom(16)",
        "price = 1.5",
        "price = float(text)",
        "half = price / 2",
        "def price() -> float: ...",
    ],
)
def test_the_purity_check_sees_each_breach(source: str) -> None:
    assert impurities(source)


def test_a_seeded_random_that_is_passed_in_is_no_breach() -> None:
    assert impurities("def draw(rng: random.Random) -> int:\n    return rng.randint(1, 6)") == []


def test_every_topic_has_one_writer_and_every_message_one_topic() -> None:
    carried = Counter(kind for topic in TOPICS for kind in topic.carries)
    assert {kind.__name__ for kind, count in carried.items() if count > 1} == set()
    written = {
        kind
        for module in (commands, events)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Command | Event)
        if not kind.__name__.startswith("_")
    } - {Command, Event}
    assert {kind.__name__ for kind in written ^ set(carried)} == set()


def test_each_service_reads_its_commands_and_one_event_topic_of_each_other() -> None:
    for service in DECIDERS:
        own = f"{service}.commands"
        foreign = [topic for topic in TOPICS if topic.name in INPUTS[service] - {own}]
        assert own in INPUTS[service]
        writers = [topic.writer for topic in foreign]
        assert len(writers) == len(set(writers)) == len(DECIDERS) - 1
        assert service not in writers


def test_rules_write_only_to_topics_of_their_service() -> None:
    """What `market.matching` and `market.settlement` make are events of that service alone."""
    from market.venue import Venue
    from tests.builders.recorded import commands as recorded_commands

    readers = {kind: topic.readers for kind, topic in TOPIC_OF.items()}
    venue = Venue()
    for command in recorded_commands(bids=5):
        cascade = venue.run(command)
        for message, cause in cascade[1:]:
            writer = TOPIC_OF[type(message)].writer
            assert writer in readers[type(cascade[cause].message)]
            assert writer is not Service.GATEWAY


@pytest.mark.parametrize(
    "path", sources(*PACKAGES, "bench", "tests"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES_MAX


def test_no_other_distribution_owns_our_names() -> None:
    owners = importlib.metadata.packages_distributions()
    foreign = {
        name: owners[name] for name in PACKAGES if set(owners.get(name, ())) - {"databourse"}
    }
    assert foreign == {}


def test_no_file_names_a_registry_or_a_path_of_some_machine() -> None:
    registry = re.compile(r"https?://[^/\s]*(pypi|pythonhosted|npmjs|maven\.org|crates\.io)[^/\s]*")
    machine = re.compile(r"(?<![\w.])/(home|root|work)/[a-z]")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listed.stdout.split("\n") if listed.returncode == 0 else []
    files = [ROOT / name for name in names if name] or sources(*PACKAGES, "tests", "bench")
    for path in files:
        if path.suffix in (".csv", ".gz", ".png") or not path.is_file() or path == Path(__file__):
            continue
        text = path.read_text(errors="replace")
        assert not registry.search(text), path
        assert not machine.search(text), path


def test_locks_have_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "--index" not in text
        pins = re.findall(r"^[\w.\[\]-]+==\S+.*$", text, re.MULTILINE)
        assert len(pins) > 20
        assert all(pin.endswith("\\") for pin in pins), "each pin is followed by its hashes"
