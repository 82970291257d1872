"""The exported trail: checked without the market, with its sealed records, and against changes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from market.merkle import leaf_hash
from services.audit import export
from services.commands.audit import app
from streams.embedded import EmbeddedReader
from tests.builders.recorded import record


def run(*words: object) -> tuple[int, dict]:
    done = CliRunner().invoke(app, [*map(str, words), "--json"])
    return done.exit_code, json.loads(done.output) if done.output.startswith("{") else {}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("open") / "market"
    record(folder, ended=False)
    return folder


@pytest.fixture
def exported(market: Path, tmp_path: Path) -> Path:
    assert run("export", "--data", market, "--out", tmp_path / "trail")[0] == 0
    return tmp_path / "trail"


def bodies(market: Path) -> list[bytes]:
    reader = EmbeddedReader(market)
    found = [stored.body for stored in reader.read(0)]
    reader.close()
    return found


def test_of_sealed_records_the_hash_is_exported_and_of_others_the_bytes(
    market: Path, exported: Path
) -> None:
    lines = (exported / export.RECORDS).read_bytes().splitlines()
    manifest = json.loads((exported / export.MANIFEST).read_text())
    ranges = manifest["sealed"]["positions"]
    sealed = {at for first, last in ranges for at in range(first, last + 1)}
    assert manifest["records"] == len(lines) == len(bodies(market))
    assert manifest["sealed"]["count"] == len(sealed) > 200
    for at, (line, body) in enumerate(zip(lines, bodies(market), strict=True)):
        if at in sealed:
            assert json.loads(line) == {"leaf_hash": leaf_hash(body).hex()}
            assert json.loads(body)["data"]["type"] in {
                "PlaceBid", "FundsReserved", "FundsReleased", "BidPlaced",
            }  # fmt: skip
        else:
            assert line == body


def test_an_export_is_checked_against_the_signed_root_with_what_is_sealed(
    market: Path, exported: Path
) -> None:
    code, told = run("check-export", exported)
    assert (code, told["checked"], told["size"]) == (0, True, len(bodies(market)))
    key = (market / "keys" / "checkpoint.pub").read_text().strip()
    assert run("check-export", exported, "--key", key)[0] == 0


def test_once_the_auctions_have_ended_nothing_is_sealed(tmp_path: Path) -> None:
    record(tmp_path / "market")
    code, told = run("export", "--data", tmp_path / "market", "--out", tmp_path / "trail")
    assert (code, told["sealed"]["count"], told["sealed"]["positions"]) == (0, 0, [])
    lines = (tmp_path / "trail" / export.RECORDS).read_bytes().splitlines()
    assert lines == bodies(tmp_path / "market")
    assert run("check-export", tmp_path / "trail")[0] == 0


def change_record(lines: list[bytes]) -> None:
    at = next(at for at, line in enumerate(lines) if b'"Deposit"' in line)
    changed = lines[at].replace(b'"amount_minor":1000000', b'"amount_minor":1000001')
    assert changed != lines[at]
    lines[at] = changed


def change_hash(lines: list[bytes]) -> None:
    at = next(at for at, line in enumerate(lines) if line.startswith(b'{"leaf_hash"'))
    lines[at] = b'{"leaf_hash":"' + b"0" * 64 + b'"}'


def hide_one_more(lines: list[bytes]) -> None:
    at = next(at for at, line in enumerate(lines) if not line.startswith(b'{"leaf_hash"'))
    lines[at] = json.dumps(
        {"leaf_hash": leaf_hash(lines[at]).hex()}, separators=(",", ":")
    ).encode()


def drop_one(lines: list[bytes]) -> None:
    del lines[len(lines) // 2]


def spoil_one(lines: list[bytes]) -> None:
    lines[3] = b"{}"


@pytest.mark.parametrize("change", [change_record, change_hash, hide_one_more, drop_one, spoil_one])
@pytest.mark.parametrize("manifest_follows", [False, True])
def test_a_changed_export_is_found(
    change: Callable[[list[bytes]], None], manifest_follows: bool, exported: Path
) -> None:
    path = exported / export.RECORDS
    lines = path.read_bytes().splitlines()
    change(lines)
    path.write_bytes(b"\n".join(lines) + b"\n")
    if manifest_follows:  # the hash of the file and the count are made to fit
        manifest = json.loads((exported / export.MANIFEST).read_text())
        manifest["records"] = len(lines)
        manifest["sha256"][export.RECORDS] = export.sha256_of(path)
        (exported / export.MANIFEST).write_text(json.dumps(manifest))
    code, told = run("check-export", exported)
    assert (code, told["checked"]) == (1, False)
    assert told["findings"]


def test_another_key_or_a_missing_file_is_told(exported: Path, tmp_path: Path) -> None:
    record(tmp_path / "other")
    key = (tmp_path / "other" / "keys" / "checkpoint.pub").read_text().strip()
    assert run("check-export", exported, "--key", key)[0] == 1
    (exported / export.NOTE).unlink()
    done = CliRunner().invoke(app, ["check-export", str(exported)])
    assert done.exit_code != 0
    assert run("check-export", tmp_path / "nothing")[0] != 0


def test_show_gives_of_a_sealed_record_the_hash_alone(market: Path) -> None:
    found = enumerate(bodies(market))
    at, body = next((at, body) for at, body in found if b'"type":"PlaceBid"' in body)
    code, told = run("show", at, "--data", market)
    assert (code, told) == (
        0,
        {
            "position": at,
            "sealed": True,
            "attributes": None,
            "record": None,
            "leaf_hash": leaf_hash(body).hex(),
        },
    )
    assert run("show", 0, "--data", market)[1]["record"] == json.loads(bodies(market)[0])
