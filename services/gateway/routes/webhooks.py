"""Webhooks: made, listed, given a new secret, tried, taken away; and what was delivered to them."""

import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import Connection

from schemas.ids import derive_id
from services.gateway import tables as t
from services.gateway.calls import Call, Caller
from services.gateway.edge_store import Answer
from services.gateway.paging import After, Limit, Page
from services.gateway.problems import Problem
from services.gateway.requests.webhooks import WebhookBody
from services.gateway.webhooks.kinds import PING
from services.gateway.webhooks.post import spell_secret
from services.gateway.webhooks.store import WEBHOOKS_PER_PARTY_MAX, WebhookStore
from services.gateway.webhooks.target import TargetError, parse_target

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
Act = Callable[[Connection, str], dict[str, Any]]


class IssuedSecret(BaseModel):
    """`secret` signs what is delivered (Standard Webhooks); it is shown in this answer only."""

    id: str
    secret: str


@router.post("", status_code=201)
async def create(body: WebhookBody, call: Caller) -> IssuedSecret:
    """Have the kinds of events that were asked for posted to an address, from now on."""
    hooks = call.exchange.webhooks
    try:
        parse_target(body.target_url, private=hooks.private)
    except TargetError as error:
        raise Problem(422, "webhook_url_refused", f"target_url: {error}.") from error
    kinds = sorted({kind.value for kind in body.kinds})
    from_position = await call.exchange.log_size()

    def act(db: Connection, call_id: str) -> Answer:
        if hooks.count(db, call.party_id) >= WEBHOOKS_PER_PARTY_MAX:
            raise Problem(409, "too_many_webhooks", f"A party has {WEBHOOKS_PER_PARTY_MAX}.")
        webhook_id = derive_id(call_id, "whk")
        row: dict[str, Any] = {
            "id": webhook_id,
            "party_id": call.party_id,
            "target_url": body.target_url,
        }
        row |= {"kinds": json.dumps(kinds), "from_position": from_position, "at_ms": call.at_ms}
        hooks.add(db, row)
        return 201, {"id": webhook_id}

    _, made = await call.once(body.model_dump(mode="json"), act)
    return IssuedSecret(id=made["id"], secret=spell_secret(hooks.secret(made["id"], 1)))


@router.get("")
async def webhooks(call: Caller, limit: Limit = 100, after: After = -1) -> Page[t.WebhookView]:
    """The caller's webhooks, and which are disabled and why; everybody's for the oversight."""
    party_id = None if call.sees_all else call.party_id
    found = await call.exchange.edge.ask(
        lambda db: WebhookStore.of_party(db, party_id, limit, after)
    )
    return Page(items=found, next_after=found[-1].position if len(found) == limit else None)


@router.get("/{webhook_id}")
async def webhook(webhook_id: str, call: Caller) -> t.WebhookView:
    """A webhook as it stands: where it goes, what it tells, whether it was disabled and why."""
    found = await call.exchange.edge.ask(lambda db: WebhookStore.find(db, webhook_id))
    if found is None:
        raise _unknown(webhook_id)
    call.owns(found.party_id)
    return found


@router.delete("/{webhook_id}", status_code=204)
async def delete(webhook_id: str, call: Caller) -> Response:
    """Take a webhook away, with what waits to be delivered to it."""

    def act(db: Connection, call_id: str) -> dict[str, Any]:
        WebhookStore.remove(db, webhook_id)
        return {}

    await _on_own(call, webhook_id, act)
    return Response(status_code=204)


@router.post("/{webhook_id}/secret")
async def rotate_secret(webhook_id: str, call: Caller) -> IssuedSecret:
    """Give a webhook a new secret; for a day the last one signs beside it."""

    def act(db: Connection, call_id: str) -> dict[str, Any]:
        return {"number": WebhookStore.rotate(db, webhook_id, call.at_ms)}

    made = await _on_own(call, webhook_id, act)
    secret = call.exchange.webhooks.secret(webhook_id, made["number"])
    return IssuedSecret(id=webhook_id, secret=spell_secret(secret))


@router.post("/{webhook_id}/resumption")
async def resume(webhook_id: str, call: Caller) -> t.WebhookView:
    """Let a disabled webhook go on: with what waits, and with what happens from now on."""
    size = await call.exchange.log_size()

    def act(db: Connection, call_id: str) -> dict[str, Any]:
        WebhookStore.resume(db, webhook_id, size)
        return {}

    await _on_own(call, webhook_id, act)
    return await webhook(webhook_id, call)


@router.post("/{webhook_id}/pings")
async def ping(webhook_id: str, call: Caller) -> t.DeliveryView:
    """Queue a message that says nothing, to try the address and the signature."""

    def act(db: Connection, call_id: str) -> dict[str, Any]:
        message_id = derive_id(call_id, "msg")
        data = {"webhook_id": webhook_id, "at_ms": call.at_ms}
        WebhookStore.enqueue(db, webhook_id, message_id, PING, data, call.at_ms)
        return _delivery(db, webhook_id, message_id)

    return t.DeliveryView(**await _on_own(call, webhook_id, act))


@router.get("/{webhook_id}/deliveries")
async def deliveries(
    webhook_id: str, call: Caller, limit: Limit = 100, after: After = -1
) -> Page[t.DeliveryView]:
    """What waits for a webhook, and what lately became of the rest."""
    await webhook(webhook_id, call)
    found = await call.exchange.edge.ask(
        lambda db: WebhookStore.deliveries(db, webhook_id, limit, after)
    )
    return Page(items=found, next_after=found[-1].position if len(found) == limit else None)


@router.post("/{webhook_id}/deliveries/{message_id}/redelivery")
async def redeliver(webhook_id: str, message_id: str, call: Caller) -> t.DeliveryView:
    """Deliver a message again, under the id it had."""

    def act(db: Connection, call_id: str) -> dict[str, Any]:
        WebhookStore.send_again(db, webhook_id, message_id, call.at_ms)
        return _delivery(db, webhook_id, message_id)

    return t.DeliveryView(**await _on_own(call, webhook_id, act))


async def _on_own(call: Call, webhook_id: str, act: Act) -> dict[str, Any]:
    """Do something once to a webhook of the caller's. Raises Problem 404 or 403."""

    def checked(db: Connection, call_id: str) -> Answer:
        found = WebhookStore.find(db, webhook_id)
        if found is None:
            raise _unknown(webhook_id)
        if found.party_id != call.party_id:
            raise Problem(403, "not_owner", "This belongs to another party.")
        return 200, act(db, call_id)

    _, result = await call.once(webhook_id, checked)
    return result


def _delivery(db: Connection, webhook_id: str, message_id: str) -> dict[str, Any]:
    found = WebhookStore.delivery(db, webhook_id, message_id)
    if found is None:
        raise Problem(404, "not_found", f"There is no delivery {message_id} to this webhook.")
    return found.model_dump(mode="json")


def _unknown(webhook_id: str) -> Problem:
    return Problem(404, "not_found", f"There is no webhook {webhook_id}.")
