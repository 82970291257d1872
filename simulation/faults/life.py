"""A life: what is said and done in a venue, and what breaks, one act after another.

All of it comes of the seed alone, and any part of a life, in order, is a life: so one that fails
can be made shorter until nothing more can be left out.
"""

import random
from typing import Final, NamedTuple

from schemas.base import Command
from schemas.topics import DECIDERS, INPUTS, Service
from simulation.chance import Chance
from simulation.faults.topics import Positions
from simulation.faults.wishes import T0, Wishes
from simulation.faults.worker import Point

ACTS: Final = 110
HOUR_MS: Final = 3_600_000
JUMPS_MS: Final = (-HOUR_MS, -20_000, 700, 8_000, 45_000, 3 * HOUR_MS)
_SOURCES: Final = {service: sorted(INPUTS[service]) for service in DECIDERS}
_DEATHS: Final = tuple(Point)
_STALLS: Final = (Point.DECIDED, Point.EVENT_WRITTEN, Point.SEALED, Point.OFFSETS_SENT)


class Say(NamedTuple):
    """The gateway sends a command. `arrives`: it gets into its topic; `acknowledged`: the gateway
    learns so. What it does not learn of, it says again.
    """

    number: int
    command: Command
    arrives: bool = True
    acknowledged: bool = True


class Repeat(NamedTuple):
    """A command arrives again under its id, as the network or its sender doubles it."""

    number: int


class Take(NamedTuple):
    """A service takes at most so many records of its topics, those of the first topic first.

    It dies at the `nth` time it comes to the point `dies`; or stands still there, so that another
    takes over, and goes on afterwards.
    """

    service: Service
    limits: tuple[tuple[str, int], ...]
    dies: Point | None = None
    stalls: Point | None = None
    nth: int = 1

    @property
    def by_topic(self) -> Positions:
        return dict(self.limits)


class Wait(NamedTuple):
    ms: int


class Jump(NamedTuple):
    """The clock of a service jumps, against the others'."""

    service: Service
    by_ms: int


Act = Say | Repeat | Take | Wait | Jump
FAULTS: Final = (Repeat, Jump)


def is_fault(act: Act) -> bool:
    """Whether an act would not be in a life in which nothing breaks."""
    match act:
        case Say():
            return not (act.arrives and act.acknowledged)
        case Take():
            return act.dies is not None or act.stalls is not None
        case _:
            return isinstance(act, FAULTS)


def without_fault(act: Act) -> Act | None:
    """Return the act as it is when nothing breaks, None if it is nothing else than a fault."""
    match act:
        case Say():
            return act._replace(arrives=True, acknowledged=True)
        case Take():
            return act._replace(dies=None, stalls=None)
        case _:
            return None if isinstance(act, FAULTS) else act


def draw(seed: int, acts: int = ACTS) -> tuple[Act, ...]:
    """Return the life of this seed."""
    chance = Chance(seed)
    rng, wishes = chance.stream("faults", "acts"), Wishes(chance.stream("faults", "wishes"))
    trouble = rng.choice((0.05, 0.15, 0.4))  # how often a thing that can break does
    now_ms, said = T0 + 1_000, 0
    life: list[Act] = []
    while len(life) < acts:
        kind = rng.random()
        if kind < 0.42:
            command = wishes.next(now_ms)
            arrives = rng.random() >= trouble / 4
            life.append(Say(said, command, arrives, arrives and rng.random() >= trouble / 4))
            said += 1
        elif kind < 0.82:
            life.append(_take(rng, trouble))
        elif kind < 0.94:
            ms = rng.choice((1, 300, 2_000, 7_000))
            life.append(Wait(ms))
            now_ms += ms
        elif said and rng.random() < trouble:
            life.append(Repeat(max(0, said - 1 - int(rng.expovariate(1 / 4)))))
        elif rng.random() < trouble / 4:
            service = rng.choice((Service.GATEWAY, Service.SETTLEMENT))
            life.append(Jump(service, rng.choice(JUMPS_MS)))
    return tuple(life)


def _take(rng: random.Random, trouble: float) -> Take:
    service = rng.choice(DECIDERS)
    sources = list(_SOURCES[service])
    rng.shuffle(sources)
    limits = tuple((topic, rng.choice((0, 1, 2, 5, 40))) for topic in sources)
    dies = stalls = None
    if rng.random() < trouble:
        if rng.random() < 1 / 4:
            stalls = rng.choice(_STALLS)
        else:
            dies = rng.choice(_DEATHS)
    return Take(service, limits, dies, stalls, rng.choice((1, 1, 2, 3)))
