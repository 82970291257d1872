"""Expected values in closed form: risk-neutral bidders, values independent and uniform on [0, 1].

`bidders` is their number n, `reserve` the reserve price r. Sources: Vickrey 1961; Riley and
Samuelson 1981; Myerson 1981; Krishna, Auction Theory.
"""

from fractions import Fraction
from typing import Final


def revenue(bidders: int, reserve: Fraction = Fraction(0)) -> Fraction:
    """Return what every standard auction of one licence earns: Myerson 1981."""
    n, r = bidders, reserve
    sole = n * r ** (n - 1) * (1 - r) * r
    contested = n * (n - 1) * ((1 - r**n) / n - (1 - r ** (n + 1)) / (n + 1))
    return sole + contested


def surplus(bidders: int, reserve: Fraction = Fraction(0)) -> Fraction:
    """Return the highest of the values, counted where it reaches the reserve."""
    return Fraction(bidders, bidders + 1) * (1 - reserve ** (bidders + 1))


def unsold(bidders: int, reserve: Fraction) -> Fraction:
    """Return the probability that no value reaches the reserve."""
    return reserve**bidders


def uniform_revenue(bidders: int, licences: int) -> Fraction:
    """Return what `licences` at the highest losing bid earn, each bidder wanting one."""
    return Fraction(licences * (bidders - licences), bidders + 1)


def incremental_revenue(step: Fraction) -> Fraction:
    """Return what two proxy bidders pay in an English auction that starts at 0 with a fixed step.

    The later pays nothing when below the step, for then the bid is refused; otherwise the price is
    the lower maximum plus the step, at most the higher: 1/3 + E[min(step, gap)] less what is
    refused. Own derivation, for step <= 1/2.
    """
    gained = (1 - (1 - step) ** 3) / 3
    refused = Fraction(3, 2) * step**2 - step**3
    return Fraction(1, 3) + gained - refused


VARIANCE_OF_TWO: Final = {"second": Fraction(1, 18), "first": Fraction(1, 72)}
