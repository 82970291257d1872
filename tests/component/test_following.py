"""A command has come to rest when nothing it caused waits for a service any more."""

import asyncio
import random

import pytest

from schemas.commands import PlaceBid
from schemas.envelope import decode_record
from services.gateway.following import Following, Quiet
from streams.log import LogBroken
from streams.memory import MemoryLog
from tests.builders.recorded import commands
from tests.builders.topics import trail_of
from tests.component.test_sequencer import race


def rest_of(log: MemoryLog, expected: set[str]) -> dict[str, int]:
    """Return at which position each command came to rest."""
    quiet, found = Quiet(), {}
    for command_id in expected:
        quiet.expect(command_id)
    for position, body in log.read(0):
        found |= dict.fromkeys(quiet.take(body), position)
    assert not quiet._waiting
    assert not any(quiet._root_of.values())
    return found


@pytest.mark.parametrize("seed", range(8))
def test_every_command_comes_to_rest_behind_all_it_caused(seed: int) -> None:
    rng = random.Random(seed)
    said = commands(12)
    log = trail_of(race(rng, said).topics, rng)
    found = rest_of(log, {command.id for command in said})
    assert found.keys() == {command.id for command in said}
    for position, body in log.read(0):
        record = decode_record(body)
        if record.correlationid in found:
            assert position < found[record.correlationid]


def test_a_bid_comes_to_rest_only_when_settlement_has_seen_what_became_of_it() -> None:
    said = commands(12)
    log = trail_of(race(random.Random(3), said).topics, random.Random(3))
    bid = next(command for command in said if isinstance(command, PlaceBid))
    at = rest_of(log, {bid.id})[bid.id]
    before = [decode_record(body) for _, body in log.read(0, at)]
    told = {type(r.data).__name__ for r in before if r.correlationid == bid.id}
    assert {"PlaceBid", "FundsReserved", "BidPlaced"} <= told


class Broken(MemoryLog):
    def read(self, *asked: object) -> list:  # type: ignore[override]
        raise LogBroken("gone")


async def follow(log: MemoryLog, command_id: str, size: int) -> bool:
    ends = iter([0])

    async def projected() -> int:
        return next(ends, size)

    return await Following(log, projected).expect(command_id, 0)


def test_waiting_ends_when_the_read_models_show_it() -> None:
    said = commands(12)
    log = trail_of(race(random.Random(4), said).topics)
    assert asyncio.run(follow(log, said[-1].id, log.size)) is True


def test_waiting_ends_without_an_answer_when_the_trail_cannot_be_read() -> None:
    assert asyncio.run(follow(Broken(), "bid_abcdef", 5)) is False


def test_who_waits_for_what_stands_further_back_is_answered_too() -> None:
    said = commands(12)
    log = trail_of(race(random.Random(4), said).topics)
    first, last = said[0].id, "cmd_not_there_yet"

    async def run() -> bool:
        async def projected() -> int:
            return log.size

        following = Following(log, projected)
        ahead = following.expect(last, log.size)
        await asyncio.sleep(0.05)
        assert not ahead.done()
        async with asyncio.timeout(5):
            return await following.expect(first, 0)

    assert asyncio.run(run()) is True


def test_a_call_sent_again_waits_for_what_the_first_one_caused() -> None:
    """The second copy of a bid is taken at once and causes nothing; the first is under way."""
    said = commands(12)
    log = trail_of(race(random.Random(3), said).topics, random.Random(3))
    bid = next(command for command in said if isinstance(command, PlaceBid))
    at = rest_of(log, {bid.id})[bid.id]
    sent = next(p for p, body in log.read(0) if decode_record(body).data == bid)

    async def run(reached: int) -> bool:
        async def projected() -> int:
            return reached

        try:
            async with asyncio.timeout(0.2):
                return await Following(log, projected).expect(bid.id, sent)
        except TimeoutError:
            return False

    assert asyncio.run(run(at)) is False
    assert asyncio.run(run(at + 1)) is True
