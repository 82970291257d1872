"""Every operation of the HTTP interface as a command: the one table.

What a command takes and says of itself is read off the committed description of the interface,
`docs/reference/openapi.json`, so that help needs neither the web stack nor a market.
"""

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

DESCRIPTION: Final = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"


class Row(NamedTuple):
    """`arguments` complete the example."""

    noun: str
    verb: str
    method: str
    path: str
    arguments: str = ""

    @property
    def example(self) -> str:
        return f"databourse {self.noun} {self.verb} {self.arguments}".strip()


NOUNS: Final = {
    "me": "Who the token speaks for.",
    "party": "Parties: registration, approval, money.",
    "token": "Tokens: issue, list, revoke.",
    "data-set": "Data sets and their revisions.",
    "listing": "Listings from draft to withdrawn.",
    "access": "Conditional access, step by step.",
    "auction": "Auctions and the bids in them.",
    "bid": "Your own bids.",
    "trade": "Trades.",
    "grant": "Rights: use, delivery, budget.",
    "venue": "The venue: keys, payouts, health.",
    "trail": "The audit trail as the market shows it.",
    "index": "The data index.",
    "statistics": "Volume and active parties.",
    "alert": "What surveillance found.",
    "webhook": "Webhooks: what you are told of, and where.",
    "command": "What became of a command.",
}
_REASON: Final = "--reason 'asked for by the regulator'"
_CNY: Final = "--currency CNY"

ROWS: Final = (
    Row("me", "show", "GET", "/v1/me"),
    Row("party", "register", "POST", "/v1/parties",
        "--name 'Bole Analytics' --kind enterprise --roles buyer"),
    Row("party", "list", "GET", "/v1/parties", "--limit 20"),
    Row("party", "show", "GET", "/v1/parties/{party_id}", "pty_bole1"),
    Row("party", "verify", "POST", "/v1/parties/{party_id}/verification",
        "pty_bole1 --method 'business licence' --evidence 'file 2026-17'"),
    Row("party", "approve", "POST", "/v1/parties/{party_id}/approval", "pty_bole1"),
    Row("party", "suspend", "POST", "/v1/parties/{party_id}/suspension", f"pty_bole1 {_REASON}"),
    Row("party", "resume", "POST", "/v1/parties/{party_id}/resumption", "pty_bole1"),
    Row("party", "set-controller", "PUT", "/v1/parties/{party_id}/controller",
        "pty_bole1 --controller-id pty_office1"),
    Row("party", "deposit", "POST", "/v1/parties/{party_id}/deposits",
        f"pty_bole1 {_CNY} --amount-minor 500000 --reference 'bank 4711'"),
    Row("party", "withdraw", "POST", "/v1/parties/{party_id}/withdrawals",
        f"pty_bole1 {_CNY} --amount-minor 1000"),
    Row("party", "balances", "GET", "/v1/parties/{party_id}/balances", "pty_bole1"),
    Row("party", "statement", "GET", "/v1/parties/{party_id}/statement", "pty_bole1"),
    Row("token", "issue", "POST", "/v1/parties/{party_id}/tokens",
        "pty_bole1 --role buyer --lasts-ms 3600000"),
    Row("token", "list", "GET", "/v1/parties/{party_id}/tokens", "pty_bole1"),
    Row("token", "revoke", "DELETE", "/v1/tokens/{token_id}", "tok_4f2a9c"),
    Row("data-set", "register", "POST", "/v1/data-sets",
        "examples/tables/iowa-electricity.csv --title 'Electricity of Iowa'"),
    Row("data-set", "show", "GET", "/v1/data-sets/{data_set_id}", "dst_power1"),
    Row("data-set", "sample", "GET", "/v1/data-sets/{data_set_id}/sample", "dst_power1"),
    Row("data-set", "revise", "POST", "/v1/data-sets/{data_set_id}/revisions",
        "dst_power1 examples/tables/iowa-electricity.csv"),
    Row("data-set", "revisions", "GET", "/v1/data-sets/{data_set_id}/revisions", "dst_power1"),
    Row("listing", "draft", "POST", "/v1/listings", "--json-body examples/listing-body.yaml"),
    Row("listing", "list", "GET", "/v1/listings", "--mode metered --limit 20"),
    Row("listing", "show", "GET", "/v1/listings/{listing_id}", "lst_power1"),
    Row("listing", "counts", "GET", "/v1/listing-counts"),
    Row("listing", "quote", "GET", "/v1/listings/{listing_id}/quote", "lst_power1 --quantity 5000"),
    Row("listing", "amend", "POST", "/v1/listings/{listing_id}/amendment",
        "lst_power1 --json-body examples/listing-body.yaml"),
    Row("listing", "submit", "POST", "/v1/listings/{listing_id}/submission", "lst_power1"),
    Row("listing", "review", "POST", "/v1/listings/{listing_id}/review",
        "lst_power1 --approved --reason 'complete and documented'"),
    Row("listing", "suspend", "POST", "/v1/listings/{listing_id}/suspension",
        f"lst_power1 {_REASON}"),
    Row("listing", "resume", "POST", "/v1/listings/{listing_id}/resumption", "lst_power1"),
    Row("listing", "withdraw", "POST", "/v1/listings/{listing_id}/withdrawal",
        "lst_power1 --reason replaced"),
    Row("listing", "request-access", "POST", "/v1/listings/{listing_id}/access-requests",
        "lst_power1 --purpose research"),
    Row("listing", "subscribe", "POST", "/v1/listings/{listing_id}/subscriptions",
        f"lst_power1 {_CNY} --budget-minor 20000"),
    Row("access", "list", "GET", "/v1/access-requests", "--overdue --limit 20"),
    Row("access", "show", "GET", "/v1/access-requests/{access_id}", "acc_power1"),
    Row("access", "overdue", "GET", "/v1/escalations"),
    Row("access", "review", "POST", "/v1/access-requests/{access_id}/review",
        "acc_power1 --approved --reason 'the request is complete'"),
    Row("access", "decide", "POST", "/v1/access-requests/{access_id}/decision",
        "acc_power1 --no-approved --reason 'the law forbids it'"),
    Row("access", "push", "POST", "/v1/access-requests/{access_id}/subscription", "acc_power1"),
    Row("access", "challenge", "POST", "/v1/access-requests/{access_id}/challenge",
        "acc_power1 --text 'the year 2009 is missing'"),
    Row("access", "answer", "POST", "/v1/access-requests/{access_id}/answer",
        "acc_power1 --upheld --text 'added in revision 2' --revision 2"),
    Row("access", "evaluate", "POST", "/v1/access-requests/{access_id}/evaluation",
        "acc_power1 --scores examples/scores.yaml"),
    Row("access", "withdraw", "POST", "/v1/access-requests/{access_id}/withdrawal",
        "acc_power1 --reason 'no longer needed'"),
    Row("auction", "open", "POST", "/v1/listings/{listing_id}/auctions",
        "lst_power1 --terms examples/auction-terms.yaml"),
    Row("auction", "list", "GET", "/v1/auctions", "--status open"),
    Row("auction", "show", "GET", "/v1/auctions/{auction_id}", "auc_power1"),
    Row("auction", "bids", "GET", "/v1/auctions/{auction_id}/bids", "auc_power1"),
    Row("auction", "bid", "POST", "/v1/auctions/{auction_id}/bids",
        f"auc_power1 {_CNY} --max-price-minor 250000"),
    Row("auction", "withdraw", "POST", "/v1/auctions/{auction_id}/withdrawal",
        "auc_power1 --reason 'wrong terms'"),
    Row("auction", "cancel", "POST", "/v1/auctions/{auction_id}/cancellation",
        f"auc_power1 {_REASON}"),
    Row("auction", "extend", "POST", "/v1/auctions/{auction_id}/extension",
        "auc_power1 --ends-at-ms 2030-01-31T12:00:00Z --reason 'outage of the venue'"),
    Row("bid", "list", "GET", "/v1/bids"),
    Row("bid", "show", "GET", "/v1/bids/{bid_id}", "bid_power1"),
    Row("trade", "list", "GET", "/v1/trades"),
    Row("trade", "show", "GET", "/v1/trades/{trade_id}", "trd_power1"),
    Row("trade", "transfers", "GET", "/v1/trades/{trade_id}/transfers", "trd_power1"),
    Row("grant", "list", "GET", "/v1/grants"),
    Row("grant", "show", "GET", "/v1/grants/{grant_id}", "grt_power1"),
    Row("grant", "credential", "GET", "/v1/grants/{grant_id}/credential", "grt_power1"),
    Row("grant", "usage", "GET", "/v1/grants/{grant_id}/usage", "grt_power1"),
    Row("grant", "use", "POST", "/v1/grants/{grant_id}/usage", "grt_power1 --quantity 3"),
    Row("grant", "deliver", "POST", "/v1/grants/{grant_id}/deliveries",
        "grt_power1 --offset 0 --limit 10"),
    Row("grant", "deliver-again", "GET", "/v1/grants/{grant_id}/deliveries/{usage_id}",
        "grt_power1 usg_power1"),
    Row("grant", "top-up", "POST", "/v1/grants/{grant_id}/top-ups",
        f"grt_power1 {_CNY} --amount-minor 5000"),
    Row("grant", "end", "POST", "/v1/grants/{grant_id}/end", "grt_power1"),
    Row("grant", "suspend", "POST", "/v1/grants/{grant_id}/suspension", f"grt_power1 {_REASON}"),
    Row("grant", "resume", "POST", "/v1/grants/{grant_id}/resumption", "grt_power1"),
    Row("grant", "revoke", "POST", "/v1/grants/{grant_id}/revocation", f"grt_power1 {_REASON}"),
    Row("grant", "refund", "POST", "/v1/grants/{grant_id}/refunds",
        "grt_power1 --amount-minor 100 --reason 'file was damaged'"),
    Row("venue", "show", "GET", "/v1/venue"),
    Row("venue", "pay-out", "POST", "/v1/venue/payouts",
        f"--purse venue_fees {_CNY} --amount-minor 100 --reference 'bank 4712'"),
    Row("venue", "keys", "GET", "/v1/keys"),
    Row("venue", "status-list", "GET", "/v1/status-lists/{purpose}/{number}", "revocation 0"),
    Row("venue", "calendar", "GET", "/v1/calendar"),
    Row("venue", "set-calendar", "POST", "/v1/calendar",
        "--name 'Guangxi 2026' --source 'notice 3' --first-day 2026-01-01 --last-day 2026-12-31 "
        "--holidays 2026-04-19 --holidays 2026-04-20"),
    Row("venue", "health", "GET", "/healthz"),
    Row("venue", "ready", "GET", "/readyz"),
    Row("trail", "head", "GET", "/v1/audit/head"),
    Row("trail", "consistency", "GET", "/v1/audit/consistency", "--old-size 1 --new-size 2"),
    Row("trail", "entry", "GET", "/v1/audit/entries/{position}", "1"),
    Row("trail", "search", "GET", "/v1/audit/entries", "--about lst_power1 --kind TradeExecuted"),
    Row("trail", "trial-balance", "GET", "/v1/audit/trial-balance"),
    Row("index", "list", "GET", "/v1/index", "--level composite --currency CNY"),
    Row("statistics", "deals", "GET", "/v1/statistics/deals", "--limit 20"),
    Row("statistics", "use", "GET", "/v1/statistics/use", "--limit 20"),
    Row("alert", "list", "GET", "/v1/alerts", "--score-min 50"),
    Row("webhook", "create", "POST", "/v1/webhooks",
        "--target-url https://hooks.example.org/databourse --kinds auction.ended"),
    Row("webhook", "list", "GET", "/v1/webhooks"),
    Row("webhook", "show", "GET", "/v1/webhooks/{webhook_id}", "whk_power1"),
    Row("webhook", "delete", "DELETE", "/v1/webhooks/{webhook_id}", "whk_power1"),
    Row("webhook", "rotate-secret", "POST", "/v1/webhooks/{webhook_id}/secret", "whk_power1"),
    Row("webhook", "resume", "POST", "/v1/webhooks/{webhook_id}/resumption", "whk_power1"),
    Row("webhook", "ping", "POST", "/v1/webhooks/{webhook_id}/pings", "whk_power1"),
    Row("webhook", "deliveries", "GET", "/v1/webhooks/{webhook_id}/deliveries", "whk_power1"),
    Row("webhook", "redeliver", "POST",
        "/v1/webhooks/{webhook_id}/deliveries/{message_id}/redelivery", "whk_power1 msg_gx_17"),
    Row("command", "show", "GET", "/v1/commands/{command_id}", "sub_power1"),
)  # fmt: skip
WITHOUT_COMMAND: Final = {
    ("GET", "/"): "a list of addresses",
    ("GET", "/v1/stream"): "databourse watch",
}


class Place(StrEnum):
    PATH = "path"
    QUERY = "query"
    BODY = "body"


class Kind(StrEnum):
    """What a value is written as; a document is JSON or YAML in a file."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DOCUMENT = "document"


class Input(NamedTuple):
    name: str
    place: Place
    kind: Kind
    required: bool
    many: bool
    choices: tuple[str, ...]
    about: str

    @property
    def is_wanted(self) -> bool:
        """Whether an option has to say it; what is in the path is said anyway."""
        return self.required and self.place is not Place.PATH


class Operation(NamedTuple):
    """`media_types` are those of an upload; none where the body is JSON or missing."""

    summary: str
    about: str
    inputs: tuple[Input, ...]
    media_types: tuple[str, ...]
    has_body: bool


def rows_of(noun: str) -> dict[str, Row]:
    return {row.verb: row for row in ROWS if row.noun == noun}


def summary_of(row: Row) -> str:
    return str(_about(row)["summary"])


def operation_of(row: Row) -> Operation:
    about = _about(row)
    content = about.get("requestBody", {}).get("content", {})
    is_json = "application/json" in content
    body = list(_body_inputs(content["application/json"]["schema"])) if is_json else []
    parameters = [
        _input(parameter["name"], Place(parameter["in"]), parameter["schema"], parameter)
        for parameter in about["parameters"]
        if parameter["in"] != "header"
    ]
    return Operation(
        summary=about["summary"],
        about=about.get("description", ""),
        inputs=(*parameters, *body),
        media_types=() if is_json else tuple(content),
        has_body=is_json,
    )


def _body_inputs(schema: Any) -> list[Input]:
    body = _resolved(schema)
    required = set(body.get("required", ()))
    return [
        _input(name, Place.BODY, about, {"required": name in required})
        for name, about in body["properties"].items()
    ]


def _input(name: str, place: Place, schema: Any, about: Any) -> Input:
    bare = _resolved(schema)
    item = _resolved(bare["items"]) if bare.get("type") == "array" else bare
    kind = _kind(item)
    many = item is not bare and kind is not Kind.DOCUMENT
    choices = tuple(item.get("enum", ())) if kind is Kind.TEXT else ()
    text = about.get("description") or schema.get("description") or bare.get("description") or ""
    return Input(name, place, kind, bool(about.get("required")), many, choices, text)


def _kind(schema: Any) -> Kind:
    match schema.get("type"):
        case "integer":
            return Kind.INTEGER
        case "boolean":
            return Kind.BOOLEAN
        case "string":
            return Kind.TEXT
        case _:
            return Kind.DOCUMENT


def _resolved(schema: Any) -> Any:
    """Return the schema itself behind a reference, or behind the choice of it or null."""
    if "$ref" in schema:
        return _resolved(_components()[schema["$ref"].rpartition("/")[2]])
    given = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    return _resolved(given[0]) if len(given) == 1 else schema


def _about(row: Row) -> Any:
    return _document()["paths"][row.path][row.method.lower()]


def _components() -> Any:
    return _document()["components"]["schemas"]


@cache
def _document() -> Any:
    return msgspec.json.decode(DESCRIPTION.read_bytes())
