"""A record that cannot be read is never passed over: whoever meets it stops there and says so."""

import logging
from pathlib import Path

import pytest

from services.commands import UsageError
from services.commands.serve import open_process
from streams.embedded import EmbeddedLog
from streams.log import Entry
from tests.builders.exchange import Exchange
from tests.builders.trail import findings

PARTY = {"name": "bole", "kind": "enterprise", "roles": ["buyer"]}
STRANGE = Entry("bids", b'{"data":{"type":"BidTeleported"},"topic":"bids"}')


def test_read_models_stand_still_at_it_and_readiness_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    market = Exchange(tmp_path / "market")
    market.party("anna", "buyer")
    position = market.process.log.append([STRANGE], {})
    answer = market.call("operator", "POST", "/v1/parties", PARTY, headers={"Prefer": ""})
    assert answer.status_code == 202, "the log goes on: it is whole"
    market.process.projection._thread.join(5)
    ready = market.call("", "GET", "/readyz")
    assert ready.status_code == 503
    assert f"record {position} does not fit" in ready.json()["detail"]
    assert any(record.levelno == logging.ERROR for record in caplog.records)
    market.close()


def test_a_market_does_not_start_on_it(tmp_path: Path) -> None:
    folder = tmp_path / "market"
    Exchange(folder).close()
    log = EmbeddedLog(folder)
    position = log.append([STRANGE], {})
    log.close()
    with pytest.raises(UsageError, match=f"record {position} .* restore a backup"):
        open_process(folder)


def test_verify_and_replay_name_it(tmp_path: Path) -> None:
    folder = tmp_path / "market"
    Exchange(folder).close()
    log = EmbeddedLog(folder)
    position = log.append([STRANGE], {})
    log.close()
    found = findings(folder)
    assert [finding.position for finding in found] == [position, position]
