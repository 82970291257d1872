"""Lives one after another, each by its seed: what breaks in them, and the shortest story of it."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from simulation.faults.life import Act, Wait, draw, is_fault, without_fault
from simulation.faults.world import NONE, Broken, Plant, World

ATTEMPTS_MAX: Final = 600  # lives lived to shorten one


class Finding(NamedTuple):
    """An invariant that did not hold, after the last of these acts or in the quiet after them."""

    seed: int
    invariant: str
    text: str
    life: tuple[Act, ...]
    in_the_quiet: bool = False

    @property
    def faults(self) -> int:
        return sum(map(is_fault, self.life))


def live(seed: int, life: Sequence[Act], plant: Plant = NONE) -> Finding | None:
    """Live a life to its end, or to what does not hold."""
    world, done = World(plant), 0
    try:
        for act in life:
            done += 1
            world.do(act)
        done += 1
        world.end()
    except Broken as broken:
        quiet = done > len(life)
        return Finding(seed, broken.invariant, broken.text, tuple(life[:done]), quiet)
    return None


def try_seed(seed: int, plant: Plant = NONE) -> Finding | None:
    return live(seed, draw(seed), plant)


def shrink(finding: Finding, plant: Plant = NONE) -> Finding:
    """Return the same finding with fewer acts and fewer faults: nothing more can be left out, or
    the attempts are used up.
    """
    attempts = 0

    def fails(life: Sequence[Act]) -> Finding | None:
        nonlocal attempts
        attempts += 1
        found = live(finding.seed, life, plant) if attempts <= ATTEMPTS_MAX else None
        return found if found and found.invariant == finding.invariant else None

    while True:
        shorter = _without_faults(_without_acts(finding, fails), fails)
        shorter = fails(_with_waits_joined(shorter.life)) or shorter
        if len(shorter.life) == len(finding.life) and shorter.faults == finding.faults:
            return shorter
        finding = shorter


Fails = Callable[[Sequence[Act]], Finding | None]


def _without_acts(finding: Finding, fails: Fails) -> Finding:
    """Delta debugging (Zeller and Hildebrandt 2002): leave out ever smaller pieces."""
    size = max(1, len(finding.life) // 2)
    while size:
        at = 0
        while at < len(finding.life):
            shorter = fails(finding.life[:at] + finding.life[at + size :])
            if shorter is None:
                at += size
            else:
                finding = shorter
        size //= 2
    return finding


def _without_faults(finding: Finding, fails: Fails) -> Finding:
    for at in reversed(range(len(finding.life))):
        if at < len(finding.life) and is_fault(finding.life[at]):
            plain = without_fault(finding.life[at])
            middle = () if plain is None else (plain,)
            finding = fails((*finding.life[:at], *middle, *finding.life[at + 1 :])) or finding
    return finding


def _with_waits_joined(life: Sequence[Act]) -> list[Act]:
    joined: list[Act] = []
    for act in life:
        if joined and isinstance(act, Wait) and isinstance(before := joined[-1], Wait):
            joined[-1] = Wait(before.ms + act.ms)
        else:
            joined.append(act)
    return joined
