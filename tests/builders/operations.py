"""Every operation of the interface, called as its description says, on things that are there.

The bodies are the examples of the description, with the ids in them put in place.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema

from schemas.parties import Role
from services.gateway.access import ACCESS
from services.gateway.app import openapi_document
from tests.builders.exchange import CONDITIONAL, FREE, METERED, Exchange
from tests.builders.places import Place, place_of

SAFE = {"GET"}
SPEAKERS = {
    Role.SUPPLIER: "seller",
    Role.BUYER: "anna",
    Role.OPERATOR: "operator",
    Role.REGULATOR: "regulator",
    Role.THIRD_PARTY: "helper",
}
STREAMS = {("GET", "/v1/stream")}
OPERATIONS = sorted(set(ACCESS) - STREAMS, key=lambda operation: operation[::-1])
MUTATING = [operation for operation in OPERATIONS if operation[0] not in SAFE]


def operation_name(operation: tuple[str, str]) -> str:
    return " ".join(operation)


class World:
    """A market with two suppliers and two buyers, so that everything is somebody's and not
    another's.
    """

    def __init__(self, where: Path | Place) -> None:
        self.market = market = place_of(where).market()
        market.party("seller", "supplier", money=1_000_000)
        market.party("rival", "supplier")
        market.party("anna", "buyer", money=100_000_000)
        market.party("bole", "buyer", money=100_000_000)
        market.party("helper", "third_party")
        market.ids |= {"operator": "pty_operator", "regulator": "pty_regulator"}
        self.begun_ms = market.ok("", "GET", "/v1/venue")["now_ms"]
        self._metered = {name: market.listing(name, METERED) for name in ("seller", "rival")}
        self._kept: dict[tuple[str, ...], dict[str, str]] = {}

    def close(self) -> None:
        self.market.close()

    def subjects(self, speaker: str, whose: str, *, fresh: bool) -> Callable[[str], str]:
        """Return what names a thing of each kind: the speaker's own, another's, or nobody's."""
        if whose == "missing":
            return lambda name: "-1" if name == "position" else f"{name[:3]}_nothing_of_this_id"
        owners = ("seller", "anna", speaker) if whose == "own" else ("rival", "bole", "bole")
        if fresh:
            return self._make(*owners).__getitem__
        if owners not in self._kept:
            self._kept[owners] = self._make(*owners)
        return self._kept[owners].__getitem__

    def _make(self, seller: str, buyer: str, speaker: str) -> dict[str, str]:
        """Make one thing of each kind; each later one only when it is asked for."""
        return _Things(self.market, seller, buyer, speaker, self._metered[seller])


class _Things(dict[str, str]):
    """Ids by the name of the path parameter, made when they are first asked for."""

    def __init__(
        self, market: Exchange, seller: str, buyer: str, speaker: str, metered: str
    ) -> None:
        self._market, self._seller, self._buyer = market, seller, buyer
        self._speaker, self._metered = speaker, metered

    def __missing__(self, name: str) -> str:
        made = str(getattr(self, f"_{name}")())
        self[name] = made
        return made

    def _party_id(self) -> str:
        return self._market.ids[self._speaker]

    def _controller_id(self) -> str:
        return self._market.ids[self._seller]

    def _token_id(self) -> str:
        path = f"/v1/parties/{self['party_id']}/tokens"
        row = self._market.ok("operator", "GET", f"/v1/parties/{self['party_id']}")
        wish = {"role": row["roles"][0]}
        who = self._speaker if self._speaker in self._market.tokens else "operator"
        return str(self._market.ok(who, "POST", path, wish)["id"])

    def _webhook_id(self) -> str:
        mine = self._market.ids[self._speaker]
        for row in self._market.ok(self._speaker, "GET", "/v1/webhooks")["items"][::-1][5:]:
            if row["party_id"] == mine:  # a party may have only so many
                self._market.call(self._speaker, "DELETE", f"/v1/webhooks/{row['id']}")
        body = {"target_url": "https://hooks.example.org/", "kinds": ["bid.outbid"]}
        return str(self._market.ok(self._speaker, "POST", "/v1/webhooks", body)["id"])

    def _message_id(self) -> str:
        answer = self._market.call(
            self._speaker, "POST", f"/v1/webhooks/{self['webhook_id']}/pings"
        )
        return str(answer.json().get("message_id", "msg_nothing"))

    def _data_set_id(self) -> str:
        return str(self._market.data_set(self._seller).json()["id"])

    def _listing_id(self) -> str:
        return self._market.listing(self._seller, FREE)

    def _access_id(self) -> str:
        listing_id = self._market.listing(self._seller, CONDITIONAL)
        path = f"/v1/listings/{listing_id}/access-requests"
        return str(self._market.ok(self._buyer, "POST", path, {})["id"])

    def _auction_id(self) -> str:
        return self._market.auction(self._seller)

    def _bid_id(self) -> str:
        path = f"/v1/auctions/{self._auction_id()}/bids"
        body = {"currency": "CNY", "max_price_minor": 3_000}
        return str(self._market.ok(self._buyer, "POST", path, body)["id"])

    def _trade_id(self) -> str:
        path = f"/v1/listings/{self._metered}/subscriptions"
        body = {"currency": "CNY", "budget_minor": 10_000}
        trade = self._market.ok(self._buyer, "POST", path, body)
        self["grant_id"] = trade["grant_id"]
        return str(trade["id"])

    def _grant_id(self) -> str:
        self["trade_id"]
        return self["grant_id"]

    def _usage_id(self) -> str:
        path = f"/v1/grants/{self['grant_id']}/deliveries"
        return str(self._market.call(self._buyer, "POST", path, {}).headers["usage-id"])

    def _command_id(self) -> str:
        return self["trade_id"].replace("trd_", "sub_")

    def _purpose(self) -> str:
        return "revocation"

    def _number(self) -> str:
        return "0"

    def _position(self) -> str:
        self._market.process.audit.store.integrate()
        self._market.process.audit.store.publish()
        return "1"


def send(world: World, speaker: str, operation: tuple[str, str], thing: Callable[[str], str],
         **more: Any) -> Any:  # fmt: skip
    """Call an operation as its description says. `more` goes to the call: `key`, `change`."""
    method, path = operation
    about = openapi_document()["paths"][path][method.lower()]
    change = more.pop("change", None)
    url, query = path, {}
    for parameter in about["parameters"]:
        name, example = parameter["name"], parameter["example"]
        if parameter["in"] == "path":
            url = url.replace(f"{{{name}}}", thing(name))
        elif parameter["in"] == "query" and parameter["required"]:
            query[name] = example
    content = about.get("requestBody", {}).get("content", {})
    if "text/csv" in content:
        body = content["text/csv"]["example"] + ("2024-01-09,1\n" if change else "")
        headers = {"Content-Type": "text/csv", **more.pop("headers", {})}
        more |= {"content": body, "headers": headers}
        return world.market.call(speaker, method, url, params=query, **more)
    body = _filled(world, content, url, thing)
    if change and body is not None:
        body = _changed(body, about, content)
    return world.market.call(speaker, method, url, body, params=query, **more)


def _filled(world: World, content: Any, url: str, thing: Callable[[str], str]) -> Any:
    if not content:
        return None
    body = json.loads(json.dumps(content["application/json"]["example"]))
    for path, name, value in list(_leaves(body)):
        if name.endswith("_id") and value is not None:
            path[name] = thing(name)
        elif name == "starts_at_ms":
            path[name] = world.begun_ms
        elif name == "ends_at_ms":
            path[name] = world.begun_ms + 600_000
        elif name == "role":
            party_id = url.split("/")[3]
            party = world.market.call("operator", "GET", f"/v1/parties/{party_id}").json()
            path[name] = party.get("roles", ["buyer"])[0]
    return body


def _changed(body: Any, about: Any, content: Any) -> Any:
    """Return the body with another value in one place, as valid as before; not in an id if it can
    be elsewhere.
    """
    document = openapi_document()
    schema = content["application/json"]["schema"]
    check = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    fields = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    for holder, name, value in sorted(_leaves(body), key=lambda leaf: leaf[1].endswith("_id")):
        for other in _others(value):
            holder[name] = other
            if check.is_valid(body):
                return body
        holder[name] = value
    for name in fields:
        for other in _others(body.get(name)):
            if check.is_valid({**body, name: other}):
                return {**body, name: other}
    raise AssertionError(f"{about['operationId']}: nothing in its body can be changed")


def _others(value: Any) -> tuple[Any, ...]:
    match value:
        case bool():
            return (not value,)
        case int():
            return (value + 1, value - 1)
        case str():
            return (f"{value}x", value[:-1])
        case _:
            return ("another", 3_600_000)


def _leaves(node: Any) -> Iterator[tuple[Any, str, Any]]:
    """Yield (holder, name, value) of everything that is no object or array itself."""
    if isinstance(node, dict):
        for name, value in node.items():
            if isinstance(value, dict | list):
                yield from _leaves(value)
            else:
                yield node, name, value
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(value)
