"""Distributions as tables: `{ distribution = "uniform", low = 1, high = 6 }`."""

from math import log
from random import Random
from typing import Annotated

import msgspec
from msgspec import Meta

Positive = Annotated[float, Meta(gt=0)]


class _Table(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="distribution"
): ...


class Fixed(_Table, frozen=True, kw_only=True, tag="fixed"):
    value: float

    def drawn(self, draw: Random) -> float:
        return self.value


class Uniform(_Table, frozen=True, kw_only=True, tag="uniform"):
    low: float
    high: float

    def drawn(self, draw: Random) -> float:
        return draw.uniform(self.low, self.high)


class Lognormal(_Table, frozen=True, kw_only=True, tag="lognormal"):
    """Half of the values are below `median`; `sigma` is the deviation of the logarithm."""

    median: Positive
    sigma: Positive

    def drawn(self, draw: Random) -> float:
        return draw.lognormvariate(log(self.median), self.sigma)


class Exponential(_Table, frozen=True, kw_only=True, tag="exponential"):
    mean: Positive

    def drawn(self, draw: Random) -> float:
        return draw.expovariate(1 / self.mean)


class Pareto(_Table, frozen=True, kw_only=True, tag="pareto"):
    """`least` times a Pareto value of this shape: few are much larger than most."""

    least: Positive
    shape: Positive

    def drawn(self, draw: Random) -> float:
        return self.least * draw.paretovariate(self.shape)


Distribution = Fixed | Uniform | Lognormal | Exponential | Pareto
