"""The HTTP application: its routes, its answers to errors, and the guard before them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.gateway.exchange import Exchange
from services.gateway.feed import Feed
from services.gateway.guard import Guard
from services.gateway.metrics import Counting
from services.gateway.openapi import completed, operation_id
from services.gateway.pages import add_pages
from services.gateway.problems import (
    STORAGE_FAULTS,
    Problem,
    on_crash,
    on_http,
    on_invalid,
    on_problem,
    on_storage,
)
from services.gateway.routes import (
    access,
    catalogue,
    credentials,
    deals,
    deliveries,
    grants,
    money,
    parties,
    tokens,
    trail,
    watch,
    webhooks,
)
from services.gateway.settings import EdgeSettings
from services.gateway.tokens import EVERYTHING, scope_of
from services.pages.site import Pages

ROUTES: Final = (
    parties,
    money,
    tokens,
    webhooks,
    catalogue,
    access,
    deals,
    grants,
    deliveries,
    credentials,
    watch,
    trail,
)
SCOPES: Final = frozenset(
    scope_of(str(route.tags[0]), method)
    for module in ROUTES
    for route in module.router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
)


def create_app(
    exchange: Exchange,
    settings: EdgeSettings | None = None,
    picker: Mapping[str, str] | None = None,
) -> FastAPI:
    """`picker` are names with tokens that anybody may speak for: a demo's, and no one else's."""
    settings = settings or EdgeSettings()
    app = _described(_until_it_ends(exchange))
    app.state.exchange = exchange
    app.state.running = set()
    app.state.feed = Feed(exchange.log, settings)
    app.add_middleware(
        Guard,
        exchange=exchange,
        running=app.state.running,
        settings=settings,
    )
    app.add_middleware(Counting)
    app.add_middleware(Pages, picker={} if picker is None else picker)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    for fault in STORAGE_FAULTS:
        app.add_exception_handler(fault, on_storage)
    app.add_exception_handler(Exception, on_crash)
    add_pages(app)
    app.state.scopes = frozenset({EVERYTHING, *SCOPES})
    return app


@cache
def openapi_document() -> dict[str, Any]:
    """Return the description of the interface (OpenAPI 3.1). It needs no market behind it."""
    return completed(_described())


Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def _until_it_ends(exchange: Exchange) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await exchange.leave()

    return lifespan


def _described(lifespan: Lifespan | None = None) -> FastAPI:
    app = FastAPI(
        lifespan=lifespan,
        title="databourse",
        version="1",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
        separate_input_output_schemas=False,
    )
    for module in ROUTES:
        app.include_router(module.router)
    app.openapi = openapi_document  # type: ignore[method-assign]
    return app
