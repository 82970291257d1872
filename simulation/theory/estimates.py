"""What a sample says of an expected value, and how far it may be off."""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import Final, NamedTuple

# Student's t at 97.5 % for 1, 2, .. 30 degrees of freedom; beyond, the normal distribution's.
_STUDENT: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_NORMAL: Final = 1.96


class Estimate(NamedTuple):
    """`error` is the standard error; 0 where nothing is sampled."""

    value: float
    error: float = 0.0


def mean(sample: Sequence[float]) -> Estimate:
    """Raises ValueError for less than two."""
    if len(sample) > 1 and min(sample) == max(sample):
        return Estimate(sample[0])  # the rounding of a sum must not look like chance
    average, squares = _centre(sample)
    return Estimate(average, sqrt(fsum(squares) / (len(sample) - 1) / len(sample)))


def half_width(estimate: Estimate, size: int) -> float:
    """Return how far a 95 % confidence interval reaches to each side of a mean of `size`."""
    freedom = size - 1
    return estimate.error * (_STUDENT[freedom - 1] if freedom <= len(_STUDENT) else _NORMAL)


def variance(sample: Sequence[float]) -> Estimate:
    """Return the unbiased variance; its error is that of large samples, from the fourth moment."""
    _, squares = _centre(sample)
    size = len(sample)
    second = fsum(squares) / size
    fourth = fsum(square * square for square in squares) / size
    return Estimate(second * size / (size - 1), sqrt((fourth - second * second) / size))


def _centre(sample: Sequence[float]) -> tuple[float, list[float]]:
    """Return the mean, and the squared distances from it."""
    if len(sample) < 2:
        raise ValueError("a sample has at least two members")
    average = fsum(sample) / len(sample)
    return average, [(member - average) ** 2 for member in sample]
