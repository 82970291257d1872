"""docker-compose.yml and Dockerfile, as far as they can be checked without an engine."""

import copy
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.builders import compose as checks
from tests.builders.compose import CHECKS, DOCKERFILE, FILE, Compose, configured

SCHEMA = Path(__file__).parents[1] / "data" / "compose-spec.json.gz"
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def compose() -> Compose:
    """The file as the Compose binary understands it."""
    done = configured(POSTGRES_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    understood: Compose = json.loads(done.stdout)
    return understood


def faults_of_form(document: Any) -> list[str]:
    validator = jsonschema.Draft7Validator(json.loads(gzip.decompress(SCHEMA.read_bytes())))
    return [error.message for error in validator.iter_errors(document)]


def test_the_file_has_the_form_of_the_compose_specification() -> None:
    document = yaml.safe_load(FILE.read_text())
    assert faults_of_form(document) == []
    document["services"]["gateway"]["health_check"] = {}
    assert len(faults_of_form(document)) == 1


def test_the_compose_binary_takes_the_file_and_finds_its_faults(tmp_path: Path) -> None:
    faulty = tmp_path / "docker-compose.yml"
    faulty.write_text(FILE.read_text().replace('volumes: ["kafka:', 'volumes: ["kafke:'))
    assert configured(POSTGRES_PASSWORD=PASSWORD).returncode == 0
    done = configured(faulty, POSTGRES_PASSWORD=PASSWORD)
    assert done.returncode != 0
    assert "undefined volume kafke" in done.stderr


def test_no_password_has_a_default() -> None:
    done = configured()
    assert done.returncode != 0
    assert "POSTGRES_PASSWORD is missing a value: set it in the environment" in done.stderr
    raw = yaml.safe_load(FILE.read_text())
    assert list(checks.told_secrets(raw)) == []
    raw["services"]["gateway"]["environment"]["PGPASSWORD"] = "${POSTGRES_PASSWORD:-secret}"
    assert list(checks.told_secrets(raw)) == ["gateway: PGPASSWORD is in the file"]


def test_every_service_has_its_container(compose: Compose) -> None:
    own = {name: s["command"] for name, s in compose["services"].items() if "build" in s}
    services = {name: ["service", name] for name in checks.service_names()}
    assert own == {"migrate": ["migrate"], **services}
    assert {"kafka", "postgres", "console"} == set(compose["services"]) - set(own)
    assert compose["services"]["console"]["profiles"] == ["console"]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_nothing_is_found(check: Callable[[Compose], Any], compose: Compose) -> None:
    assert list(check(compose)) == []


def put(*path: Any) -> Callable[[Compose], None]:
    """Return what sets the last of a path in `services` to a value: (name, key, ..., value)."""

    def change(compose: Compose) -> None:
        *way, last, value = path
        place = compose["services"]
        for key in way:
            place = place[key]
        place[last] = value

    return change


FAULTS: dict[str, tuple[Callable[[Compose], None], str]] = {
    "no health": (
        put("kafka", "healthcheck", {"disable": True}),
        "audit awaits the health of kafka, which nobody checks",
    ),
    "no end": (
        put("migrate", "restart", "always"),
        "audit awaits the end of migrate, which is started again",
    ),
    "no command": (
        put("migrate", "command", ["immigrate"]),
        "migrate: there is no command 'immigrate'",
    ),
    "no service": (put("audit", "command", ["service", "audio"]), "audit: "),
    "no option": (put("audit", "command", ["service", "audit", "--faster"]), "audit: "),
    "no setting": (
        put("audit", "environment", "DATABOURSE_LOGS", "kafka://kafka:9092"),
        "audit: service reads no DATABOURSE_LOGS",
    ),
    "a wrong setting": (put("audit", "environment", "DATABOURSE_HEALTH_PORT", "high"), "audit: "),
    "latest": (
        put("postgres", "image", "postgres:latest"),
        "postgres: postgres:latest may be another one tomorrow",
    ),
    "no tag": (put("postgres", "image", "postgres"), "postgres: postgres may be another"),
    "an old image of ours": (
        put("matching", "image", "databourse:0.0.9"),
        "matching: databourse:0.0.9 is not named as this version is",
    ),
    "another Kafka": (put("kafka", "image", "apache/kafka:3.9.0"), "the tests run Kafka "),
    "topics made by anyone": (
        put("kafka", "environment", "KAFKA_AUTO_CREATE_TOPICS_ENABLE", "true"),
        "auto.create.topics.enable is true, in the tests false",
    ),
    "a setting misspelled": (
        put("kafka", "environment", "KAFKA_LOG_RETENTION_MILLIS", "-1"),
        "log.retention.millis is -1, in the tests None",
    ),
    "an open port": (
        put("gateway", "ports", [{"target": 8321, "published": "8321"}]),
        "gateway: port 8321 is open to other machines",
    ),
    "rights of root": (put("matching", "cap_add", ["NET_ADMIN"]), "matching keeps rights of root"),
    "rights to gain": (put("matching", "security_opt", []), "matching may gain rights"),
    "all memory": (put("matching", "deploy", {}), "matching may take all memory"),
    "a writable image": (put("matching", "read_only", False), "matching may write to its image"),
    "the host's network": (put("matching", "network_mode", "host"), "matching is not confined"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(fault: str, compose: Compose) -> None:
    change, told = FAULTS[fault]
    changed = copy.deepcopy(compose)
    change(changed)
    found = [problem for check in CHECKS for problem in check(changed)]
    assert [problem for problem in found if problem.startswith(told)], found


def test_the_image_is_pinned_hashed_and_not_roots() -> None:
    text = DOCKERFILE.read_text()
    assert list(checks.dockerfile_faults(text)) == []
    for right, wrong in (
        ("python:3.11.15-slim-trixie AS", "python:3.11 AS"),
        ("USER 10001:10001", "USER root"),
        ("--require-hashes ", ""),
        ("COPY market", "COPY markets"),
    ):
        assert list(checks.dockerfile_faults(text.replace(right, wrong))), wrong


def test_what_is_copied_into_the_image_reaches_the_engine() -> None:
    """What .dockerignore holds back cannot be copied."""
    let_in = (DOCKERFILE.parent / ".dockerignore").read_text().splitlines()
    for line in DOCKERFILE.read_text().splitlines():
        if line.startswith("COPY ") and "--from=" not in line:
            assert {f"!{path}" for path in line.split()[1:-1]} <= set(let_in), line
