"""What a sample says of an expected value, and how far it may be off."""

from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple


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
