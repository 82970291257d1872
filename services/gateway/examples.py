"""Examples in the description of the interface, made of schemas and of how fields are called."""

from typing import Any, Final

_ROOT: Final = "k7y2mq4hd3v5wz6cjx2a"
_DIGEST: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_ROWS: Final = {  # id prefix and status of each row, by its title
    "AccessRow": ("acc", "review"),
    "AuctionRow": ("auc", "open"),
    "BidRow": ("bid", "leading"),
    "CommandStatus": ("cmd", "accepted"),
    "DataSetRow": ("dst", ""),
    "GrantRow": ("grt", "active"),
    "ListingRow": ("lst", "listed"),
    "PartyRow": ("pty", "approved"),
    "IssuedToken": ("tok", ""),
    "TokenView": ("tok", ""),
    "DeliveryView": ("", "waiting"),
    "IssuedSecret": ("whk", ""),
    "TradeRow": ("trd", ""),
    "WebhookView": ("whk", "active"),
    "UsageRow": ("usg", "recorded"),
    "IndexPointRow": ("idx", ""),
    "MarketStatisticsRow": ("sta", ""),
    "UseStatisticsRow": ("sta", ""),
    "AlertRow": ("alr", ""),
}
_BY_NAME: Final[dict[str, Any]] = {
    "id": f"cmd_{_ROOT}",
    "token": "dbt_J7yJm0Gk0c0m6mD0m9Xw3pGc2m1lq8Z4",
    "token_id": f"tok_{_ROOT}",
    "party_id": f"pty_{_ROOT}",
    "owner_id": f"pty_{_ROOT}",
    "supplier_id": "pty_3mzq6t5yqk4wn2fhj7ra",
    "buyer_id": f"pty_{_ROOT}",
    "bidder_id": f"pty_{_ROOT}",
    "winner_id": f"pty_{_ROOT}",
    "controller_id": None,
    "data_set_id": f"dst_{_ROOT}",
    "listing_id": f"lst_{_ROOT}",
    "access_id": f"acc_{_ROOT}",
    "auction_id": f"auc_{_ROOT}",
    "deal_id": f"auc_{_ROOT}",
    "bid_id": f"bid_{_ROOT}",
    "request_id": f"bid_{_ROOT}",
    "trade_id": f"trd_{_ROOT}",
    "grant_id": f"grt_{_ROOT}",
    "webhook_id": f"whk_{_ROOT}",
    "message_id": "msg_gx_4711",
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
    "kinds": ["bid.outbid", "auction.ended"],
    "usage_id": f"usg_{_ROOT}",
    "cause_id": f"cmd_{_ROOT}",
    "command_id": f"cmd_{_ROOT}",
    "name": "Weather office 气象局",
    "title": "Rainfall of 2024",
    "title_zh": "降雨量",
    "title_en": "Rainfall",
    "abstract_zh": "每日降雨量",
    "abstract_en": "Rainfall by day",
    "provider_name": "Weather office 气象局",
    "licence": "CC-BY-4.0",
    "reason": "complete and documented",
    "reference": "bank transfer 4711",
    "purpose": "research",
    "spatial": "CN-GX",
    "action": "use",
    "mode": "auction",
    "format": "english",
    "currency": "CNY",
    "amount_minor": 10_000,
    "balance_minor": 1_000_000,
    "budget_minor": 10_000,
    "max_price_minor": 5_000,
    "price_minor": 5_000,
    "start_price_minor": 1_000,
    "unit_price_minor": "2.5",
    "increment_minor": 100,
    "below_minor": None,
    "up_to": None,
    "quantity": 3,
    "lasts_ms": 3_600_000,
    "level": "composite",
    "key": "",
    "value_e6": 104_250_000,
    "rule": "usage_burst",
    "score": 80,
    "subjects": [f"pty_{_ROOT}"],
    "about": f"grt_{_ROOT}",
    "at_ms": 1_795_500_000_000,
    "now_ms": 1_795_500_000_000,
    "starts_at_ms": 1_795_500_000_000,
    "ends_at_ms": 1_795_586_400_000,
    "expires_at_ms": None,
    "position": 4711,
    "next_after": None,
    "scopes": ["catalogue:read", "deals:write"],
    "roles": ["buyer"],
    "content_sha256": _DIGEST,
    "sha256": _DIGEST,
    "media_type": "text/csv",
    "email": "office@example.org",
    "target_url": "https://hooks.example.org/databourse",
}


def example_of(schema: Any, schemas: dict[str, Any], *, whole: bool, name: str = "") -> Any:
    """Return a value of this JSON Schema; `whole` with all its fields, else those it must
    have, and ids.

    A schema's own example comes first, then the field's name, then its type.
    """
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        target = schemas[schema["$ref"].rpartition("/")[2]]
        return example_of(target, schemas, whole=whole, name=name)
    if "enum" in schema:
        return schema["enum"][0]
    if name in _BY_NAME and schema.get("type") != "object":
        return _BY_NAME[name]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return example_of(schema[choice][0], schemas, whole=whole, name=name)
    return _of_type(schema, schemas, whole=whole, name=name)


def _of_type(schema: Any, schemas: dict[str, Any], *, whole: bool, name: str) -> Any:
    match schema.get("type"):
        case "object":
            needed = schema.get("required", [])
            made = {
                field: example_of(inner, schemas, whole=whole, name=field)
                for field, inner in schema.get("properties", {}).items()
                if whole or field in needed or (field.endswith("_id") and _BY_NAME.get(field))
            }
            prefix, status = _ROWS.get(schema.get("title", ""), ("", ""))
            stated = {"id": f"{prefix}_{_ROOT}" if prefix else "", "status": status}
            return made | {
                field: value for field, value in stated.items() if value and field in made
            }
        case "array":
            if "prefixItems" in schema:
                return [example_of(item, schemas, whole=whole) for item in schema["prefixItems"]]
            return [example_of(schema.get("items", {}), schemas, whole=whole)]
        case "integer":
            return max(int(schema.get("minimum", 0)), int(schema.get("exclusiveMinimum", -1)) + 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            text = str(schema.get("const", name.replace("_", " ") or "text"))
            return text[: schema.get("maxLength")].ljust(schema.get("minLength", 0), "x")
