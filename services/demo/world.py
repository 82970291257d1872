"""What the demo's market is made of: parties with money, and three listings of real tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

from services.demo.client import Client

TABLES: Final = Path(__file__).parents[2] / "examples" / "tables"
PARTIES: Final = {
    "weather": ("Seattle weather office 气象局", "government", "supplier", 0),
    "statistics": ("Labour statistics 劳动统计", "enterprise", "supplier", 0),
    "anna": ("Anna, a researcher 研究者", "person", "buyer", 500_000_00),
    "bole": ("Bole Analytics 博乐数据", "enterprise", "buyer", 900_000_00),
    "chen": ("Chen Insurance 陈氏保险", "enterprise", "buyer", 900_000_00),
}
_VERIFIED: Final = {"method": "known to the demo", "evidence": "services/demo/world.py"}
_ANY_USE: Final = {"permissions": [{"action": "use"}]}
_TARIFF: Final = {
    "unit": "row",
    "model": "graduated",
    "currency": "CNY",
    "free_units": 50,
    "tiers": [
        {"up_to": 1_000, "unit_price_minor": "2.5"},
        {"up_to": None, "unit_price_minor": "1"},
    ],
}
_LISTINGS: Final[dict[str, dict[str, Any]]] = {
    "free": {
        "supplier": "weather",
        "file": "iowa-electricity.csv",
        "titles": ("艾奥瓦州发电量", "Electricity of Iowa by source"),
        "field": "resources",
        "offer": {"mode": "free"},
    },
    "metered": {
        "supplier": "weather",
        "file": "seattle-weather.csv",
        "titles": ("西雅图每日天气", "Daily weather of Seattle"),
        "field": "meteorology",
        "offer": {"mode": "metered", "tariff": _TARIFF},
    },
    "auction": {
        "supplier": "statistics",
        "file": "us-employment.csv",
        "titles": ("美国每月就业", "Monthly employment in the United States"),
        "field": "employment",
        "offer": {"mode": "auction", "currency": "CNY"},
    },
}


@dataclass(frozen=True)
class World:
    """Party ids, clients and tokens by the party's short name; listing ids by trade mode."""

    party_ids: dict[str, str]
    tokens: dict[str, str]
    clients: dict[str, Client]
    listing_ids: dict[str, str]


async def build(http: httpx.AsyncClient, first_tokens: dict[str, str]) -> World:
    """Set the market up. Every step has a fixed key, so a folder used before is taken up again."""
    operator = Client(http, first_tokens["operator"])
    party_ids: dict[str, str] = {}
    tokens: dict[str, str] = dict(first_tokens)
    for name, (title, kind, role, money) in PARTIES.items():
        body = {"name": title, "kind": kind, "roles": [role]}
        party = await operator.post("/v1/parties", f"demo-party-{name}", body)
        party_ids[name] = party["id"]
        path = f"/v1/parties/{party['id']}"
        await operator.post(f"{path}/verification", f"demo-verify-{name}", _VERIFIED)
        await operator.post(f"{path}/approval", f"demo-approve-{name}")
        if money:
            deposit = {"currency": "CNY", "amount_minor": money, "reference": "opening balance"}
            await operator.post(f"{path}/deposits", f"demo-money-{name}", deposit)
        issued = await operator.post(f"{path}/tokens", f"demo-token-{name}", {"role": role})
        tokens[name] = issued["token"]
    clients = {name: Client(http, token) for name, token in tokens.items()}
    listing_ids = {
        mode: await _list(clients[about["supplier"]], operator, mode, about)
        for mode, about in _LISTINGS.items()
    }
    return World(party_ids, tokens, clients, listing_ids)


async def _list(supplier: Client, operator: Client, mode: str, about: dict[str, Any]) -> str:
    title_zh, title_en = about["titles"]
    content = (TABLES / about["file"]).read_bytes()
    data_set = await supplier.upload(title_en, f"demo-data-{mode}", content, "text/csv")
    entry = {
        "title_zh": title_zh,
        "title_en": title_en,
        "abstract_zh": f"{title_zh}，公共数据示例",
        "abstract_en": f"{title_en}, a public table",
        "field": about["field"],
        "update_cycle": "other",
        "provider_name": PARTIES[about["supplier"]][0],
        "licence": "public domain",
        "source": f"examples/tables/{about['file']}",
    }
    body = {
        "data_set_id": data_set["id"],
        "entry": entry,
        "offer": about["offer"],
        "grant_terms": {"policy": _ANY_USE},
    }
    listing = await supplier.post("/v1/listings", f"demo-listing-{mode}", body)
    path = f"/v1/listings/{listing['id']}"
    await supplier.post(f"{path}/submission", f"demo-submit-{mode}")
    review = {"approved": True, "reason": "complete and documented"}
    await operator.post(f"{path}/review", f"demo-review-{mode}", review)
    return str(listing["id"])
