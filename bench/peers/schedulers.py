"""The same activations by three schedulers: agents that do nothing but ask to be woken again.

Every agent is woken at the start and then after waits that come from one list, in the order in
which agents are woken. Each function returns how often agents were woken.
"""

from collections.abc import Callable, Iterator
from itertools import cycle
from random import Random
from typing import Any, Final

import mesa
import simpy
from mesa.experimental.devs import DEVSimulator

from schemas.base import Event
from schemas.parties import VenueTerms
from simulation.chance import Chance
from simulation.kernel import Desk, Kernel

FOREVER: Final = 10**15  # ms
_draw = Random(7)
WAITS: Final = tuple(_draw.randint(1, 1_000) for _ in range(10_007))


class Idler:
    """An agent of the kernel."""

    def __init__(self, name: str, waits: Iterator[int], times: int) -> None:
        self.name = name
        self.woken = 0
        self._waits = waits
        self._times = times

    def wake(self, desk: Desk) -> None:
        self.woken += 1
        if self.woken < self._times:
            desk.wake_at(desk.now_ms + next(self._waits))

    def hear(self, event: Event, desk: Desk) -> None: ...


def by_kernel(agents: int, times: int) -> int:
    kernel, waits = Kernel(VenueTerms(currencies=("CNY",)), 0, Chance(7)), cycle(WAITS)
    idlers = [Idler(f"pty_{number}", waits, times) for number in range(agents)]
    for idler in idlers:
        kernel.join(idler, 0)
    for _ in kernel.run(FOREVER):
        pass
    return sum(idler.woken for idler in idlers)


def by_simpy(agents: int, times: int) -> int:
    env, waits, woken = simpy.Environment(), cycle(WAITS), [0] * agents

    def idle(number: int) -> Iterator[Any]:
        while True:
            woken[number] += 1
            if woken[number] == times:
                return
            yield env.timeout(next(waits))

    for number in range(agents):
        env.process(idle(number))
    env.run()
    return sum(woken)


class MesaIdler(mesa.Agent):
    def __init__(self, model: mesa.Model, simulator: Any, waits: Iterator[int], times: int) -> None:
        super().__init__(model)
        self.woken = 0
        self._simulator = simulator
        self._waits = waits
        self._times = times

    def step(self) -> None:
        self.woken += 1

    def wake(self) -> None:
        self.woken += 1
        if self.woken < self._times:
            self._simulator.schedule_event_relative(self.wake, next(self._waits))


def by_mesa_events(agents: int, times: int) -> int:
    """Mesa's event list, which is in its experimental part."""
    simulator, waits, model = DEVSimulator(), cycle(WAITS), mesa.Model(seed=7)
    simulator.setup(model)
    idlers = [MesaIdler(model, simulator, waits, times) for _ in range(agents)]
    for idler in idlers:
        simulator.schedule_event_now(idler.wake)
    simulator.run_until(FOREVER)
    return sum(idler.woken for idler in idlers)


def by_mesa_steps(agents: int, times: int) -> int:
    """Mesa's usual way: all agents, in random order, once per step. No time, no queue."""
    model = mesa.Model(seed=7)
    idlers = [MesaIdler(model, None, iter(()), times) for _ in range(agents)]
    for _ in range(times):
        model.agents.shuffle_do("step")
    return sum(idler.woken for idler in idlers)


BY: Final[dict[str, Callable[[int, int], int]]] = {
    "kernel": by_kernel,
    "SimPy": by_simpy,
    "Mesa's events": by_mesa_events,
    "Mesa's steps (no queue)": by_mesa_steps,
}
