"""What Prometheus is told: rates and times by route, never an id."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from tests.builders.exchange import FREE, Exchange

NAME = "databourse_http_answer_seconds"


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Exchange]:
    market = Exchange(tmp_path / "market")
    yield market
    market.close()


def answers(method: str, route: str, status: str) -> float:
    labels = {"method": method, "route": route, "status": status}
    return REGISTRY.get_sample_value(f"{NAME}_count", labels) or 0.0


def test_answers_count_by_the_routes_template_and_status(market: Exchange) -> None:
    party_id = market.party("anna", "buyer", money=100)
    route = "/v1/parties/{party_id}"
    before = answers("GET", route, "200"), answers("GET", route, "404")
    market.ok("operator", "GET", f"/v1/parties/{party_id}")
    market.call("operator", "GET", "/v1/parties/pty_nobody")
    assert (answers("GET", route, "200"), answers("GET", route, "404")) == (
        before[0] + 1,
        before[1] + 1,
    )


def test_refusals_before_any_route_count_too(market: Exchange) -> None:
    before = answers("POST", "other", "401")
    assert market.http.post("/v1/parties", json={}).status_code == 401
    assert answers("POST", "other", "401") == before + 1


def test_what_callers_choose_is_in_no_label(market: Exchange) -> None:
    party_id = market.party("anna", "supplier")
    listing_id = market.listing("anna", FREE)
    market.http.get("/no/such/path_4711")
    market.http.request("BREW4711", "/v1/listings")
    labels = {
        value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        for value in sample.labels.values()
        if metric.name.startswith("databourse_")
    }
    assert not {text for text in labels if party_id in text or listing_id in text}
    assert not {text for text in labels if "4711" in text}
    assert {"/v1/data-sets", "other", "gx"} <= labels


def test_how_far_tree_and_read_models_are_is_told(market: Exchange) -> None:
    market.party("anna", "buyer", money=100)
    market.process.audit.stop()
    size = market.process.log.size
    assert REGISTRY.get_sample_value("databourse_published_records", {"venue": "gx"}) == size
    assert REGISTRY.get_sample_value("databourse_projected_records", {"venue": "gx"}) == size
