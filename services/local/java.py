"""Java and Maven on this machine, and Apache Kafka as Maven serves it."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree

from services.local.daemon import LocalError

JAVA_VERSION_MIN: Final = 17
POM: Final = Path(__file__).with_name("pom.xml")
DOWNLOAD_SECONDS_MAX: Final = 900.0
MAVEN_TAIL_LINES: Final = 8
_GET_JAVA: Final = (
    f"install Java {JAVA_VERSION_MIN} or newer "
    "(Debian, Ubuntu: `apt-get install openjdk-17-jre-headless`) or say where it is by JAVA_HOME"
)
_GET_MAVEN: Final = "install it (Debian, Ubuntu: `apt-get install maven`)"


class Java(NamedTuple):
    program: str
    version: str


def kafka_version() -> str:
    """Return the version that the pom names."""
    found = ElementTree.parse(POM).findtext("properties/kafka.version")
    assert found, "the pom names Apache Kafka's version"
    return found


def find_java() -> Java:
    """Return a Java that is new enough. Raises LocalError that says what to do."""
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if program is None:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise LocalError(f"there is no Java {where}: {_GET_JAVA}")
    told = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "([^"]+)"', told.stderr)
    if version is None:
        raise LocalError(f"{program} does not tell its version: {told.stderr.strip()}")
    if feature_release(version[1]) < JAVA_VERSION_MIN:
        raise LocalError(f"{program} is Java {version[1]}: {_GET_JAVA}")
    return Java(program, version[1])


def feature_release(version: str) -> int:
    """Return 8 of 1.8.0_392, 17 of 17.0.15, 25 of 25-ea; 0 of what is no version."""
    found = re.match(r"(?:1\.)?(\d+)", version)
    return int(found[1]) if found else 0


def kafka_jars(tell: Callable[[str], None]) -> Path:
    """Return the folder of Apache Kafka's jars, downloaded once per pom into the user's cache."""
    cache = cache_folder()
    jars = cache / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:16]}"
    if jars.exists():
        return jars
    with _one_download(cache):
        if not jars.exists():
            tell(f"downloading Apache Kafka {kafka_version()} by Maven into {jars} (once)")
            _download(jars)
            tell("Apache Kafka is there")
    return jars


def cache_folder() -> Path:
    """Return DATABOURSE_CACHE, or the folder that the platform has for such."""
    if given := os.environ.get("DATABOURSE_CACHE"):
        return Path(given).absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "databourse"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "databourse"


def _download(jars: Path) -> None:
    """Make the folder beside its place and rename it, so that an interrupted one is redone."""
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalError(f"Maven (mvn) is needed once, to get Apache Kafka: {_GET_MAVEN}")
    part = jars.with_name("kafka.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        done = subprocess.run(
            [
                *(maven, "--batch-mode", "--no-transfer-progress", "--strict-checksums"),
                *("--file", str(POM), "dependency:copy-dependencies"),
                *("-DincludeScope=runtime", f"-DoutputDirectory={part}"),
            ],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=DOWNLOAD_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LocalError(
            f"Maven was not done after {DOWNLOAD_SECONDS_MAX:g} s: is its repository reached?"
        ) from error
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-MAVEN_TAIL_LINES:])
        raise LocalError(f"Maven could not get Apache Kafka: is its repository reached?\n{last}")
    part.rename(jars)


@contextmanager
def _one_download(cache: Path) -> Iterator[None]:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / "kafka.lock").open("wb")
    except OSError as error:
        raise LocalError(
            f"the cache {cache} cannot be used ({error.strerror}): "
            "name another folder by DATABOURSE_CACHE"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
