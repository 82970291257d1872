"""The checks, and the controls: checks that are wrong on purpose and have to be found wrong."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from market.call_market import k_double_auction, mcafee
from schemas.auctions import UniformPricing
from simulation.theory import clearings, formulas, measures
from simulation.theory import zero_intelligence as zi
from simulation.theory.bidding import shaded, truthful
from simulation.theory.checks import Check, Relation
from simulation.theory.clearings import Worked
from simulation.theory.experiments import (
    UNIT,
    Drawn,
    Given,
    discriminatory,
    english,
    first_price,
    second_price,
    uniform,
)

VICKREY: Final = "Vickrey 1961"
KRISHNA: Final = "Krishna, ch. 2"
RESERVES: Final = "Riley and Samuelson 1981"
MANY: Final = "Krishna, ch. 12"
PACKAGES: Final = "Krishna, ch. 16"
BOOK: Final = "published book"
WILSON: Final = "Wilson 1985"
MCAFEE: Final = "McAfee 1992"
COPIES: Final = "Goldberg et al. 2006"
GODE_SUNDER: Final = "Gode and Sunder 1993"
OWN: Final = "own derivation"
EBAY: Final = "eBay's increments, 2003"
GRAIN: Final = Fraction(2, UNIT)
HALF: Final = Fraction(1, 2)
BIDDERS: Final = (2, 3, 5, 10)
BIDS: Final = "13000:45 12900:95 12800:25 12700:35 12600:25 12500:55 12400:200 12300:80 12200:60"
ASKS: Final = (
    "12200:10 12300:125 12400:155 12500:90 12600:20 12700:10 12800:15 12900:10 13000:50 13100:35"
)


def _first_price(bidders: int, reserve_minor: int = 0) -> Drawn:
    return Drawn("first-price", bidders, shaded, reserve_minor)


def _second_price(bidders: int, reserve_minor: int = 0) -> Drawn:
    return Drawn("second-price", bidders, truthful, reserve_minor)


def _uniform(licences: int) -> Drawn:
    return Drawn("uniform", 10, truthful, licences=licences)


def _one_licence() -> Iterator[Check]:
    """Revenue equivalence, and that the highest value wins."""
    for n in BIDDERS:
        ways = {
            "first-price": _first_price(n),
            "second-price": _second_price(n),
            "english": Drawn("english", n, truthful),
            "dutch": Drawn("dutch", n, shaded),
        }
        for format, ran in ways.items():
            name, runs = f"{format}/n={n}", (ran,)
            earns = formulas.revenue(n)
            yield Check(f"{name}/revenue", VICKREY, earns, runs, measures.revenue, GRAIN)
            one = Fraction(1)
            yield Check(f"{name}/efficiency", VICKREY, one, runs, measures.efficiency, GRAIN)
        worth = formulas.surplus(n)
        yield Check(f"surplus/n={n}", KRISHNA, worth, (_second_price(n),), measures.surplus, GRAIN)
        for open_one, sealed in (("english", "second-price"), ("dutch", "first-price")):
            yield Check(
                f"{open_one}/n={n}/against-{sealed}",
                VICKREY,
                Fraction(0),
                (ways[open_one], ways[sealed]),
                measures.furthest_apart,
                Fraction(1, UNIT),
            )


def _variances() -> Iterator[Check]:
    for name, ran, theory in (
        ("first-price", _first_price(2), formulas.VARIANCE_OF_TWO["first"]),
        ("second-price", _second_price(2), formulas.VARIANCE_OF_TWO["second"]),
    ):
        runs = (ran,)
        yield Check(f"{name}/n=2/variance", VICKREY, theory, runs, measures.revenue_variance, GRAIN)


def _reserves() -> Iterator[Check]:
    for n in (2, 3, 5):
        for format, ran in (
            ("first-price", _first_price(n, UNIT // 2)),
            ("second-price", _second_price(n, UNIT // 2)),
        ):
            name, runs = f"{format}/n={n}/reserve", (ran,)
            earns = formulas.revenue(n, HALF)
            yield Check(f"{name}/revenue", RESERVES, earns, runs, measures.revenue, GRAIN)
            never = formulas.unsold(n, HALF)
            yield Check(f"{name}/unsold", RESERVES, never, runs, measures.unsold, GRAIN)


def _increments() -> Iterator[Check]:
    for step in (Fraction(1, 20), Fraction(1, 10)):
        ran = Drawn("english", 2, truthful, step_minor=int(step * UNIT))
        earns = formulas.incremental_revenue(step)
        name = f"english/n=2/increment={float(step)}"
        yield Check(f"{name}/revenue", OWN, earns, (ran,), measures.revenue, GRAIN)


def _licences() -> Iterator[Check]:
    for k in range(1, 10):
        runs, earns = (_uniform(k),), formulas.uniform_revenue(10, k)
        name, grain = f"uniform/n=10/k={k}", k * GRAIN
        yield Check(f"{name}/revenue", MANY, earns, runs, measures.revenue, grain)
    yield Check(
        "uniform/n=10/k=5/efficiency", MANY, Fraction(1), (_uniform(5),), measures.efficiency
    )
    for k in (4, 6):
        more = formulas.uniform_revenue(10, 5) - formulas.uniform_revenue(10, k)
        both = (_uniform(5), _uniform(k))
        yield Check(f"uniform/n=10/k=5/above-k={k}", MANY, more, both, measures.gain, 10 * GRAIN)


SIX_UNITS: Final = (
    (50, 47, 40, 32, 15, 5),
    (42, 28, 20, 12, 7, 3),
    (45, 35, 24, 14, 9, 6),
)


def _six_units() -> Iterator[Check]:
    highest_losing = (Given(uniform(6), SIX_UNITS),)
    lowest_winning = (Given(uniform(6, UniformPricing.LOWEST_WINNING), SIX_UNITS),)
    own_bids = (Given(discriminatory(6), SIX_UNITS),)
    for bidder, licences in enumerate((3, 1, 2)):
        won = measures.won_by(bidder)
        name = f"six-units/uniform/licences-of-{bidder + 1}"
        yield Check(name, MANY, Fraction(licences), highest_losing, won)
    for what, theory, runs, measure in (
        ("uniform/price", 32, highest_losing, measures.unit_price),
        ("uniform/revenue", 192, highest_losing, measures.total),
        ("lowest-winning/price", 35, lowest_winning, measures.unit_price),
        ("lowest-winning/revenue", 210, lowest_winning, measures.total),
        ("discriminatory/paid-by-1", 137, own_bids, measures.paid_by(0)),
        ("discriminatory/paid-by-2", 42, own_bids, measures.paid_by(1)),
        ("discriminatory/paid-by-3", 80, own_bids, measures.paid_by(2)),
        ("discriminatory/revenue", 259, own_bids, measures.total),
    ):
        yield Check(f"six-units/{what}", MANY, Fraction(theory), runs, measure)


def _rules() -> Iterator[Check]:
    """What one bid more or less decides."""
    for first, second, price in ((4502, 1999, 2049), (5000, 4975, 5000), (30000, 20000, 20250)):
        ran = Given(english("ebay-2003"), ((first,), (second,)), unit=100)
        name, theory = f"ebay/{first / 100:g}-{second / 100:g}", Fraction(price, 100)
        yield Check(name, EBAY, theory, (ran,), measures.total)
    tie = Given(english("ebay-2003"), ((12000,), (12000,)), unit=100)
    yield Check("ebay/tie", EBAY, Fraction(120), (tie,), measures.paid_by(0))
    for format, terms in (("first-price", first_price()), ("second-price", second_price())):
        tied = Given(terms, ((80,), (120,), (120,)))
        yield Check(f"{format}/tie", VICKREY, Fraction(120), (tied,), measures.paid_by(1))
    sole = Given(second_price(reserve_price_minor=70), ((100,),))
    yield Check("second-price/sole-bidder", VICKREY, Fraction(70), (sole,), measures.total)
    below = Given(second_price(reserve_price_minor=101), ((100,), (90,)))
    yield Check("second-price/below-reserve", VICKREY, Fraction(0), (below,), measures.total)


def _clearings() -> Iterator[Check]:
    """What no deal of the market uses yet is looked at without a venue."""
    vickrey = Worked(clearings.vickrey_units, (SIX_UNITS, 6))
    two = Worked(clearings.packages_pay, (("one", "A", 150), ("two", "B", 150), ("all", "AB", 200)))
    joined = Worked(clearings.packages_pay, (("one", "A", 2), ("two", "B", 2), ("all", "AB", 2)))
    book = Worked(clearings.book, (BIDS, ASKS))
    buyers, sellers = (100, 90, 80, 70, 60), (80, 85, 95, 100, 110)
    in_tenths = tuple(tuple(10 * each for each in side) for side in (buyers, sellers))
    middle, truthful = Worked(k_double_auction, in_tenths), Worked(mcafee, in_tenths)
    reducing = Worked(mcafee, ((10, 9, 8, 1), (1, 2, 7, 8)))
    mean = Worked(mcafee, ((90, 80, 70, 40), (20, 30, 40, 50)))
    deficit = Worked(clearings.externalities, (buyers, sellers))
    crowd = Worked(clearings.best_single_revenue, ((10,) * 10 + (1,) * 90,))
    paid, sold = clearings.part("buyers_pay_minor"), clearings.part("trades")
    tenths = clearings.part("buyers_pay_minor", 10)
    for name, source, theory, ran, measure in (
        ("six-units/vickrey/paid-by-1", MANY, 72, vickrey, clearings.at(0)),
        ("six-units/vickrey/paid-by-2", MANY, 32, vickrey, clearings.at(1)),
        ("six-units/vickrey/paid-by-3", MANY, 60, vickrey, clearings.at(2)),
        ("six-units/vickrey/revenue", MANY, 164, vickrey, clearings.total),
        ("packages/two-beat-one/paid-by-1", PACKAGES, 50, two, clearings.at(0)),
        ("packages/two-beat-one/paid-by-2", PACKAGES, 50, two, clearings.at(1)),
        ("packages/one-joins/revenue", PACKAGES, 0, joined, clearings.total),
        ("call-market/price", BOOK, 12_400, book, clearings.part("price_minor")),
        ("call-market/volume", BOOK, 290, book, clearings.part("volume")),
        ("double-auction/trades", WILSON, 2, middle, sold),
        ("double-auction/price", WILSON, HALF * 175, middle, tenths),
        ("double-auction/vickrey/deficit", MCAFEE, 10, deficit, clearings.deficit),
        ("mcafee/same/price", MCAFEE, HALF * 175, truthful, tenths),
        ("mcafee/reducing/trades", MCAFEE, 2, reducing, sold),
        ("mcafee/reducing/buyers-pay", MCAFEE, 8, reducing, paid),
        ("mcafee/reducing/sellers-get", MCAFEE, 7, reducing, clearings.part("sellers_get_minor")),
        ("mcafee/mean/trades", MCAFEE, 3, mean, sold),
        ("mcafee/mean/price", MCAFEE, HALF * 9, mean, tenths),
        ("copies/crowd/best-single-price", COPIES, 100, crowd, clearings.number),
    ):
        yield Check(name, source, Fraction(theory), (ran,), measure)
    for bids, earns in (
        ((1, 2), HALF),
        ((1, 1), Fraction(1)),
        ((6, 5, 4, 3, 2, 1), Fraction(207, 32)),
    ):
        name = f"copies/{'-'.join(map(str, bids))}/revenue"
        coins = Worked(clearings.over_all_coins, (bids,))
        yield Check(name, COPIES, earns, (coins,), clearings.number)


def _zero_intelligence() -> Iterator[Check]:
    """Unconstrained traders trade every unit; the rules alone make constrained ones efficient, if
    there is time.
    """
    for number, market in enumerate(zi.MARKETS, start=1):
        name = f"zero-intelligence/market={number}"
        free, bound = zi.Periods(market, False, 2_000), zi.Periods(market, True, 2_000)
        all_units = zi.TRADERS * (sum(market.values) - sum(market.costs))
        for what, theory, runs, measure, relation in (
            ("unconstrained", Fraction(all_units, market.surplus), (free,), zi.efficiency, "="),
            ("constrained", Fraction(98, 100), (bound,), zi.efficiency, "≥"),
            ("constrained/above-unconstrained", Fraction(9, 100), (bound, free), zi.gain, "≥"),
        ):
            yield Check(
                f"{name}/{what}", GODE_SUNDER, theory, runs, measure, relation=Relation(relation)
            )
        for shouts, fewer in ((100, 50), (2_000, 100)):
            yield Check(
                f"{name}/constrained/shouts={shouts}/above-shouts={fewer}",
                GODE_SUNDER,
                Fraction(0),
                (zi.Periods(market, True, shouts), zi.Periods(market, True, fewer)),
                zi.gain,
                relation=Relation.AT_LEAST,
            )
        for shouts, most in ((50, Fraction(3, 5)), (100, Fraction(9, 10))):
            yield Check(
                f"{name}/constrained/shouts={shouts}",
                GODE_SUNDER,
                most,
                (zi.Periods(market, True, shouts),),
                zi.efficiency,
                relation=Relation.AT_MOST,
            )


CHECKS: Final[tuple[Check, ...]] = (
    *_one_licence(),
    *_variances(),
    *_reserves(),
    *_increments(),
    *_licences(),
    *_six_units(),
    *_rules(),
    *_clearings(),
    *_zero_intelligence(),
)
CONTROLS: Final[tuple[Check, ...]] = (
    Check(
        "wrong/truthful-in-first-price",
        "who bids the value pays it",
        formulas.revenue(2),
        (Drawn("first-price", 2, truthful),),
        measures.revenue,
        GRAIN,
    ),
    Check(
        "wrong/constant",
        "it is 1/3",
        Fraction(2, 5),
        (_second_price(2),),
        measures.revenue,
        GRAIN,
    ),
    Check(
        "wrong/rule",
        "the lowest winning bid is 40",
        Fraction(32),
        (Given(uniform(2, UniformPricing.LOWEST_WINNING), ((50,), (40,), (32,))),),
        measures.unit_price,
    ),
)
