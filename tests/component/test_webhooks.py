"""Webhooks: who is told what, signed, until it is taken; never inside, and nothing sealed."""

import asyncio
import base64
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from services.gateway.edge_tables import EDGE, WEBHOOK_CURSOR
from services.gateway.webhooks.loop import JITTER, WAIT_MS, Pace
from services.gateway.webhooks.store import (
    ATTEMPTS_MAX,
    FAILURES_IN_A_ROW_MAX,
    OVERLAP_MS,
    WAITING_MAX,
)
from services.gateway.webhooks.target import Target, TargetError
from tests.builders.exchange import AUCTION, FREE, Exchange
from tests.builders.hooks import HookWorld, verified
from tests.builders.receiver import Receiver


@pytest.fixture
def world(tmp_path: Path) -> Iterator[HookWorld]:
    made = HookWorld(tmp_path)
    yield made
    made.receiver.close()
    made.market.close()


def test_an_outbid_bidder_is_told_and_can_check_who_says_so(world: HookWorld) -> None:
    auction_id = world.market.auction("seller")
    _, secret = world.hook("anna", "bid.outbid")
    world.hook("bole", "bid.outbid")
    world.bid("anna", auction_id, 5_000)
    world.bid("bole", auction_id, 9_000)
    (message,) = world.told()
    said = message.said
    assert said["type"] == "bid.outbid"
    assert (said["data"]["auction_id"], said["data"]["price_minor"]) == (auction_id, 5_100)
    assert verified(message, secret)
    assert not verified(message, b"x" * 32)
    assert not verified(message._replace(body=message.body + b" "), secret)
    assert world.told() == []


def test_each_end_of_an_auction_is_told_to_whom_it_concerns(world: HookWorld) -> None:
    market = world.market
    for who in ("seller", "anna", "bole"):
        world.hook(who, "auction.ended")
    sold = market.auction("seller")
    world.bid("anna", sold, 5_000)
    world.bid("bole", sold, 9_000)
    unsold, cancelled = market.auction("seller"), market.auction("seller")
    world.bid("anna", cancelled, 5_000)
    reason = {"reason": "data withdrawn"}
    market.ok("operator", "POST", f"/v1/auctions/{cancelled}/cancellation", reason)
    brief = market.auction("seller", lasts_ms=300)
    world.bid("bole", brief, 2_000)
    empty = market.auction("seller", lasts_ms=300)
    for auction_id in (brief, empty):
        market.once_ended(auction_id)
    ends = sorted(
        (said["data"]["auction_id"], said["data"]["result"])
        for said in (message.said for message in world.told())
    )
    assert unsold not in [auction_id for auction_id, _ in ends]
    assert ends == sorted(
        [
            (cancelled, "cancelled"),
            (cancelled, "lost"),
            (brief, "sold"),
            (brief, "won"),
            (empty, "unsold"),
        ]
    )


def test_what_befalls_a_grant_and_a_listing_is_told(world: HookWorld) -> None:
    market = world.market
    buyer, _ = world.hook("anna")
    seller, _ = world.hook("seller")
    listing_id = market.listing("seller", FREE)
    trade = market.ok("anna", "POST", f"/v1/listings/{listing_id}/access-requests", {})
    grant, listing = f"/v1/grants/{trade['grant_id']}", f"/v1/listings/{listing_id}"
    reason = {"reason": "under examination"}
    for path, body in (
        (f"{grant}/suspension", reason),
        (f"{grant}/resumption", None),
        (f"{grant}/revocation", reason),
        (f"{listing}/suspension", reason),
        (f"{listing}/resumption", None),
    ):
        market.ok("operator", "POST", path, body)
    world.told()
    grants = ["grant.issued", "grant.suspended", "grant.resumed", "grant.revoked"]
    assert [row["kind"] for row in world.deliveries(buyer)] == grants
    steps = ["access.step"]
    assert sorted(row["kind"] for row in world.deliveries(seller, "seller")) == sorted(
        [
            *grants,
            "listing.reviewed",
            "listing.suspended",
            "listing.resumed",
            "trade.executed",
            *steps,
        ]
    )


def test_nobody_is_told_a_maximum_a_sealed_bid_or_a_hidden_reserve(world: HookWorld) -> None:
    market = world.market
    for who in ("seller", "anna", "bole", "operator", "regulator"):
        world.hook(who)
    english = market.auction("seller", reserve_price_minor=77_777, reserve_hidden=True)
    sealed = market.auction("seller", format="sealed_second_price")
    for auction_id in (english, sealed):
        world.bid("anna", auction_id, 54_321)
        world.bid("bole", auction_id, 65_432)
    bodies = b"".join(message.body for message in world.told())
    assert english.encode() in bodies
    for secret in (b"54321", b"54_321", b"65432", b"77777", b"max_price"):
        assert secret not in bodies


def test_what_happened_before_a_webhook_was_made_is_not_told(world: HookWorld) -> None:
    auction_id = world.market.auction("seller")
    world.hook("bole")
    world.bid("anna", auction_id, 5_000)
    world.bid("bole", auction_id, 9_000)
    world.hook("anna")
    assert [message.said["type"] for message in world.told()] == []


def test_a_failed_delivery_is_tried_again_under_its_id_and_ever_later(world: HookWorld) -> None:
    webhook_id, secret = world.hook("anna")
    world.receiver.answers = [500] * (ATTEMPTS_MAX - 1)
    world.ping(webhook_id)
    (first,) = world.told()
    waits = []
    for _ in range(ATTEMPTS_MAX - 1):
        (row,) = world.deliveries(webhook_id)
        assert (row["status"], row["answer"]) == ("waiting", "HTTP 500")
        wait_ms = row["due_at_ms"] - world.now_ms()
        waits.append(wait_ms)
        world.ahead_ms += wait_ms - 1_000
        assert world.told() == []
        world.ahead_ms += 1_001
        (again,) = world.told()
        assert (again.id, again.body) == (first.id, first.body)
        assert verified(again, secret)
    assert waits[0] == pytest.approx(WAIT_MS, rel=JITTER + 0.1)
    assert all(later > 2 * wait for wait, later in itertools.pairwise(waits[:-2]))
    (row,) = world.deliveries(webhook_id)
    assert (row["status"], row["attempts"], row["due_at_ms"]) == ("delivered", ATTEMPTS_MAX, None)


def test_a_delivery_is_given_up_and_a_webhook_that_never_works_is_disabled(
    world: HookWorld,
) -> None:
    webhook_id, _ = world.hook("anna")
    world.receiver.answers = [500] * 1_000
    pings = -(-FAILURES_IN_A_ROW_MAX // ATTEMPTS_MAX)
    for _ in range(pings):
        world.ping(webhook_id)
    while world.told():
        world.ahead_ms += 10 * 3_600_000
    hook = world.of(webhook_id)
    assert hook["status"] == "disabled"
    assert hook["reason"] == f"{FAILURES_IN_A_ROW_MAX} attempts in a row failed, last: HTTP 500"
    assert len(world.receiver.received) == FAILURES_IN_A_ROW_MAX
    statuses = [row["status"] for row in world.deliveries(webhook_id)]
    assert set(statuses) <= {"failed", "waiting"}
    world.receiver.answers = []
    world.market.ok("anna", "POST", f"/v1/webhooks/{webhook_id}/resumption")
    assert world.of(webhook_id)["status"] == "active"
    world.ping(webhook_id)
    assert world.told()


@pytest.mark.parametrize(
    ("status", "answer"), [(302, "HTTP 302"), (404, "HTTP 404"), (100, "HTTP 100")]
)
def test_a_redirect_is_not_followed_and_no_other_answer_is_a_yes(
    world: HookWorld, status: int, answer: str
) -> None:
    webhook_id, _ = world.hook("anna")
    world.receiver.answers = [status]
    world.ping(webhook_id)
    assert len(world.told()) == 1
    (row,) = world.deliveries(webhook_id)
    assert (row["status"], row["answer"]) == ("waiting", answer)


def test_a_receiver_that_is_gone_disables_its_webhook(world: HookWorld) -> None:
    webhook_id, _ = world.hook("anna")
    world.receiver.answers = [410]
    world.ping(webhook_id)
    world.told()
    assert (world.of(webhook_id)["status"]) == "disabled"
    assert "gone" in world.of(webhook_id)["reason"]


def test_a_slow_receiver_is_not_waited_for_and_holds_nobody_up(world: HookWorld) -> None:
    slow, _ = world.hook("anna")
    world.receiver.answers = [None]
    other = Receiver()
    quick, _ = world.hook("anna", url=other.url)
    world.ping(slow)
    world.ping(quick)
    world.told(world.new_loop(pace=Pace(timeout_s=0.05)))
    assert len(other.received) == 1
    assert "no answer within 0.05 seconds" in world.deliveries(slow)[0]["answer"]
    assert world.deliveries(quick)[0]["status"] == "delivered"
    other.close()


def test_nobody_listening_is_told(world: HookWorld) -> None:
    gone = Receiver()
    gone.close()
    webhook_id, _ = world.hook("anna", url=gone.url)
    world.ping(webhook_id)
    world.told()
    assert "Connect call failed" in world.deliveries(webhook_id)[0]["answer"]


def test_after_a_crash_between_delivery_and_note_the_same_message_comes_again(
    world: HookWorld,
) -> None:
    webhook_id, _ = world.hook("anna")
    world.ping(webhook_id)
    world.receiver.answers = [None]

    async def crash() -> None:
        (due,) = world.store.due(world.now_ms(), 10)
        task = asyncio.create_task(world.loop.deliver(due))
        await asyncio.to_thread(world.receiver.came.wait)
        task.cancel()

    asyncio.run(crash())
    world.receiver.release.set()
    (again,) = world.told(world.new_loop())
    first = world.receiver.received[0]
    assert (again.id, again.body) == (first.id, first.body)
    assert world.told() == []


def test_a_record_is_queued_once_however_often_it_is_read(world: HookWorld) -> None:
    webhook_id, _ = world.hook("anna", "bid.outbid")
    auction_id = world.market.auction("seller")
    world.bid("anna", auction_id, 5_000)
    world.bid("bole", auction_id, 9_000)
    for _ in range(3):
        world.new_loop().collect()
    (told,) = world.told()
    with world.market.process.edge.transaction() as db:
        db.execute(update(WEBHOOK_CURSOR).values(position=0))
    world.new_loop().collect()
    assert world.told() == [], "what was delivered is not queued again"
    (row,) = world.deliveries(webhook_id)
    assert (row["message_id"], row["status"]) == (told.id, "delivered")
    assert told.id.startswith("msg_gx_")


def test_a_name_is_connected_to_by_the_address_that_was_checked(world: HookWorld) -> None:
    async def here(target: Target, private: bool) -> str:
        assert target.host == "hooks.example.org"
        return "127.0.0.1"

    url = f"http://hooks.example.org:{world.receiver.port}/x"
    webhook_id, _ = world.hook("anna", url=url)
    world.ping(webhook_id)
    (message,) = world.told(world.new_loop(resolve=here))
    assert message.headers["host"] == f"hooks.example.org:{world.receiver.port}"


def test_a_name_that_turns_inside_after_it_was_stated_is_refused_when_it_is_used(
    world: HookWorld,
) -> None:
    async def inside(target: Target, private: bool) -> str:
        raise TargetError("127.0.0.1 is not a public address")

    webhook_id, _ = world.hook("anna", url=f"http://hooks.example.org:{world.receiver.port}/x")
    world.ping(webhook_id)
    assert world.told(world.new_loop(resolve=inside)) == []
    assert world.deliveries(webhook_id)[0]["answer"] == "127.0.0.1 is not a public address"


def test_a_new_secret_signs_beside_the_last_for_a_day(world: HookWorld) -> None:
    webhook_id, old = world.hook("anna")
    path = f"/v1/webhooks/{webhook_id}/secret"
    text = world.market.ok("anna", "POST", path)["secret"]
    new = base64.b64decode(text.removeprefix("whsec_"))
    world.ping(webhook_id)
    (during,) = world.told()
    assert verified(during, new)
    assert verified(during, old)
    world.ahead_ms += OVERLAP_MS
    world.ping(webhook_id)
    (after,) = world.told()
    assert verified(after, new)
    assert not verified(after, old)
    shown = json.dumps([world.of(webhook_id), world.deliveries(webhook_id)])
    with world.market.process.edge.transaction() as db:
        kept = [db.execute(select(table)).all() for table in EDGE.sorted_tables]
    assert webhook_id in str(kept)
    for secret in (old, new):
        for spelled in (base64.b64encode(secret).decode(), secret.hex(), repr(secret)):
            assert spelled not in shown
            assert spelled not in str(kept)


def test_a_message_can_be_sent_again(world: HookWorld) -> None:
    webhook_id, _ = world.hook("anna")
    message_id = world.ping(webhook_id)
    world.told()
    path = f"/v1/webhooks/{webhook_id}/deliveries/{message_id}/redelivery"
    assert world.market.ok("anna", "POST", path)["status"] == "waiting"
    assert [message.id for message in world.told()] == [message_id]
    unknown = path.replace(message_id, "msg_nothing")
    assert world.market.call("anna", "POST", unknown).status_code == 404


def test_a_queue_that_is_full_disables_the_webhook(world: HookWorld) -> None:
    webhook_id, _ = world.hook("anna")
    with world.market.process.edge.transaction() as db:
        for number in range(WAITING_MAX + 1):
            world.store.enqueue(
                db, webhook_id, f"msg_{number}", "webhook.ping", {"at_ms": 0}, world.now_ms()
            )
    assert world.of(webhook_id)["reason"] == f"{WAITING_MAX} deliveries are waiting already"
    assert len(world.deliveries(webhook_id)) == WAITING_MAX


def test_what_is_taken_away_is_told_nothing_more(world: HookWorld) -> None:
    webhook_id, _ = world.hook("anna")
    world.ping(webhook_id)
    assert world.market.call("anna", "DELETE", f"/v1/webhooks/{webhook_id}").status_code == 204
    assert world.told() == []


def test_inside_is_refused_unless_the_operator_lets_it(tmp_path: Path) -> None:
    strict = Exchange(tmp_path)
    for url in ("http://hooks.example.org/", "https://127.0.0.1/", "https://2130706433/"):
        body = {"target_url": url, "kinds": ["bid.outbid"]}
        answer = strict.call("operator", "POST", "/v1/webhooks", body)
        assert answer.status_code == 422
        assert answer.json()["type"] == "/problems/webhook_url_refused"
    strict.stop()


def test_the_loop_of_a_running_market_delivers_by_itself(tmp_path: Path) -> None:
    market = Exchange(tmp_path, private_webhooks=True)
    receiver = Receiver()
    body = {"target_url": receiver.url, "kinds": ["listing.reviewed"]}
    market.party("seller", "supplier")
    market.ok("seller", "POST", "/v1/webhooks", body)
    listing_id = market.listing("seller", AUCTION)
    assert receiver.came.wait(20.0)
    assert receiver.received[0].said["data"]["listing_id"] == listing_id
    assert market.ok("", "GET", "/readyz")["status"] == "ready"
    receiver.close()
    market.stop()
