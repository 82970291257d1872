"""An import into a real market: drafts that stay as they are when nothing has changed."""

from pathlib import Path

import httpx2 as httpx
import msgspec
import pytest

from schemas.parties import Role
from services.audit.store import stored_notes, stored_verifier
from services.audit.verify import verify_log
from services.client.connection import Connection
from services.client.here import open_here
from services.commands import UsageError
from services.commands.suppliers import OWN_SUPPLIER_ID, own_supplier
from services.dcat.exporting import catalogue_of
from services.dcat.importing import Fate, Importer, as_json, listing_id_of
from services.dcat.mapping import entry_of
from services.dcat.reading import read_entries
from streams.embedded import EmbeddedReader
from tests.builders.cli import run
from tests.builders.exchange import ENTRY, FREE, Exchange
from tests.unit.test_dcat import FILES, RAIN, written

GOOD = ("usda.gov", "arm", "ny", "many-resources", "null-spatial")


def records(folder: Path) -> int:
    log = EmbeddedReader(folder)
    try:
        return log.size
    finally:
        log.close()


def test_good_files_become_drafts_and_the_same_files_again_change_nothing(tmp_path: Path) -> None:
    data = tmp_path / "market"
    with open_here(data) as here, here.party(own_supplier(here), Role.SUPPLIER) as supplier:
        importer = Importer(supplier, OWN_SUPPLIER_ID)
        reports = [importer.run(FILES / f"{name}.data.json") for name in GOOD]
        assert [len(report.fates) for report in reports] == [3, 3, 1, 1, 1]
        assert all(report.rejected == [] for report in reports)
        drafts = supplier.get(
            "/v1/listings", supplier_id=OWN_SUPPLIER_ID, status="draft", limit=1_000
        )["items"]
        assert len(drafts) == 9
        assert {draft["data_set_id"] for draft in drafts} == {None}
        assert "Many Resources" in {draft["title_en"] for draft in drafts}
    size = records(data)
    with open_here(data) as here, here.party(own_supplier(here), Role.SUPPLIER) as supplier:
        importer = Importer(supplier, OWN_SUPPLIER_ID)
        again = [importer.run(FILES / f"{name}.data.json") for name in GOOD]
        assert {fate for report in again for fate in report.fates} == {Fate.UNCHANGED}
    assert records(data) == size


def test_a_changed_entry_amends_its_draft_and_nothing_that_is_further_on(tmp_path: Path) -> None:
    with open_here(tmp_path / "market") as here:
        supplier_id = own_supplier(here)
        with here.party(supplier_id, Role.SUPPLIER) as supplier:
            importer = Importer(supplier, supplier_id)
            listing_id = listing_id_of(supplier_id, "rain-1")
            path = f"/v1/listings/{listing_id}"

            def take(title: str) -> list:
                return importer.run(written(tmp_path, {**RAIN, "title": title})).fates

            assert take("Rain") == [Fate.NEW]
            for title in ("Rainfall", "Rain", "Rainfall"):  # and back, and forth
                assert take(title) == [Fate.AMENDED]
                assert supplier.get(path)["title_en"] == title
            supplier.post(f"{path}/withdrawal", {"reason": "no more"})
            report = importer.run(written(tmp_path, RAIN | {"title": "Drizzle"}))
    assert report.fates == []
    assert "is withdrawn; only a draft is amended here" in report.rejected[0].reason


def test_a_dry_run_sends_no_command(tmp_path: Path) -> None:
    with open_here(tmp_path / "market") as here:
        own_supplier(here)
        report = Importer(here.operator, OWN_SUPPLIER_ID, dry_run=True).run(
            FILES / "usda.gov.data.json"
        )
        assert report.fates == [Fate.NEW] * 3
        size = here.operator.get("/v1/listings", status="draft")
        assert size["items"] == []


def test_the_report_names_each_wrong_entry(tmp_path: Path) -> None:
    broken = written(tmp_path, RAIN, {**RAIN, "identifier": "rain-2", "title": 7})
    [told] = as_json([Importer(None, OWN_SUPPLIER_ID, dry_run=True).run(broken)])
    assert told == {
        "file": str(broken),
        "imported": 1,
        "rejected": [
            {
                "index": 1,
                "identifier": "rain-2",
                "reason": "title: found a number, 7, expected text of 1 to 200 characters",
            }
        ],
    }


def test_what_the_market_refuses_is_told_and_the_rest_is_imported(tmp_path: Path) -> None:
    with open_here(tmp_path / "market") as here:
        importer = Importer(here.operator, "pty_operator")  # which is no supplier
        report = importer.run(written(tmp_path, RAIN, {**RAIN, "identifier": "rain-2"}))
    assert [rejected.identifier for rejected in report.rejected] == ["rain-1", "rain-2"]
    assert report.rejected[0].reason.startswith("refused by the market: role_not_allowed")
    assert importer.stopped is None


def test_what_was_listed_goes_out_and_comes_back_as_it_was(tmp_path: Path) -> None:
    market = Exchange(tmp_path / "market")
    try:
        market.party("seller", "supplier")
        listing_id = market.listing("seller", FREE)
        market.data_set("seller")
        anyone = Connection(market.http)
        with pytest.raises(UsageError, match=f"such as {listing_id}, name no contact"):
            catalogue_of(anyone, ("Desk", ""))
        catalogue = catalogue_of(anyone, ("Desk", "desk@gx.example"))
    finally:
        market.close()
    [entry] = read_entries(written(tmp_path, *catalogue["dataset"]))
    assert entry.faults == []
    assert entry.identifier == listing_id
    back = msgspec.to_builtins(entry_of(entry.data_set))
    told_anew = {"identifier", "keywords", "modified_on", "contact_name", "contact_email"}
    assert {name: value for name, value in back.items() if name not in told_anew} == ENTRY


def test_verification_holds_after_an_import(tmp_path: Path) -> None:
    data = tmp_path / "market"
    with open_here(data) as here, here.party(own_supplier(here), Role.SUPPLIER) as supplier:
        Importer(supplier, OWN_SUPPLIER_ID).run(FILES / "ny.data.json")
    log = EmbeddedReader(data)
    assert verify_log(log, stored_notes(data), stored_verifier(data)).findings == []
    log.close()


def test_a_folder_in_which_a_market_runs_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "market"
    words = ("catalog", "import", str(FILES / "ny.data.json"), "--data", str(data), "--json")
    with open_here(data):
        assert run(*words) == 2
    told = capsys.readouterr()
    assert "is in use by another process" in told.err
    assert told.out == ""


def test_the_folder_is_that_of_the_environment_or_beside_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABOURSE_DATA", "")
    words = ("catalog", "import", str(FILES / "ny.data.json"), "--json")
    assert run(*words) == 0
    monkeypatch.setenv("DATABOURSE_DATA", str(tmp_path / "other"))
    assert run(*words) == 0
    assert records(tmp_path / "databourse-data") == records(tmp_path / "other")


def test_what_was_not_carried_over_is_told(tmp_path: Path) -> None:
    class Ending(httpx.BaseTransport):
        """A market that goes away after its first listing."""

        def __init__(self) -> None:
            self.drafted = 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if self.drafted:
                raise httpx.ConnectError("gone")
            self.drafted += request.method == "POST"
            problem = {"type": "/problems/not_found", "detail": "none"}
            return httpx.Response(404 if request.method == "GET" else 200, json=problem)

    file = written(tmp_path, *({**RAIN, "identifier": f"rain-{number}"} for number in range(3)))
    with httpx.Client(transport=Ending(), base_url="http://market") as http:
        importer = Importer(Connection(http, "", 0.0), OWN_SUPPLIER_ID)
        report = importer.run(file)
    assert report.fates == [Fate.NEW]
    assert [rejected.identifier for rejected in report.rejected] == ["rain-1", "rain-2"]
    assert all("not carried over" in rejected.reason for rejected in report.rejected)
    assert importer.stopped is not None
    assert importer.stopped.exit_code == 3
