"""How the HTTP server runs: limits on connections and heads, nothing told of itself."""

from collections.abc import Mapping
from typing import Final

import uvicorn

from services.gateway.app import create_app
from services.gateway.exchange import Exchange
from services.gateway.protocol import PatientProtocol
from services.gateway.settings import EdgeSettings

CONNECTIONS_MAX: Final = 2_000


def uvicorn_config(
    exchange: Exchange,
    settings: EdgeSettings | None = None,
    proxy: str = "",
    picker: Mapping[str, str] | None = None,
) -> uvicorn.Config:
    """`proxy` is the address whose X-Forwarded-For is believed; none by default. `picker` as for
    `create_app`.
    """
    return uvicorn.Config(
        create_app(exchange, settings, picker),
        http=PatientProtocol,
        ws="none",
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=3,
        limit_concurrency=CONNECTIONS_MAX,
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or None,
        server_header=False,
    )
