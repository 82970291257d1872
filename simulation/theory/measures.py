"""What is looked at in the auctions that were held."""

from collections.abc import Callable

from simulation.theory.estimates import Estimate, mean, variance
from simulation.theory.experiments import Sold

# --- many auctions ----------------------------------------------------------------------------


def revenue(sold: Sold) -> Estimate:
    return mean(sold.revenues())


def revenue_variance(sold: Sold) -> Estimate:
    return variance(sold.revenues())


def surplus(sold: Sold) -> Estimate:
    """Return what the licences are worth to those who got them."""
    return mean([realised / sold.unit for realised in _realised(sold)])


def efficiency(sold: Sold) -> Estimate:
    """Return the realised part of the greatest surplus, over all auctions together."""
    realised = _realised(sold)
    greatest = [sum(sorted(values)[-sold.licences :]) for values in sold.values]
    ratio = sum(realised) / sum(greatest)
    level = sum(greatest) / len(greatest)
    off = [(got - ratio * most) / level for got, most in zip(realised, greatest, strict=True)]
    return Estimate(ratio, mean(off).error)


def unsold(sold: Sold) -> Estimate:
    return mean([float(not sale) for sale in sold.awards])


def furthest_apart(sold: Sold, other: Sold) -> Estimate:
    """Return by how much the same auction's revenue differs at most."""
    pairs = zip(sold.revenues_minor(), other.revenues_minor(), strict=True)
    return Estimate(max(abs(one - another) for one, another in pairs) / sold.unit)


def gain(sold: Sold, other: Sold) -> Estimate:
    """Return how much more the first earns in the same auctions."""
    pairs = zip(sold.revenues(), other.revenues(), strict=True)
    return mean([one - another for one, another in pairs])


# --- one auction ------------------------------------------------------------------------------


def total(sold: Sold) -> Estimate:
    return Estimate(sum(sold.revenues_minor()) / sold.unit)


def paid_by(bidder: int) -> Callable[[Sold], Estimate]:
    def paid(sold: Sold) -> Estimate:
        prices = [award.price_minor for award in sold.awards[0] if award.bidder == bidder]
        return Estimate(sum(prices) / sold.unit)

    return paid


def won_by(bidder: int) -> Callable[[Sold], Estimate]:
    def won(sold: Sold) -> Estimate:
        return Estimate(sum(a.quantity for a in sold.awards[0] if a.bidder == bidder))

    return won


def unit_price(sold: Sold) -> Estimate:
    """Return what one licence costs, where all cost the same."""
    (price,) = {award.price_minor / award.quantity for award in sold.awards[0]}
    return Estimate(price / sold.unit)


def _realised(sold: Sold) -> list[int]:
    return [
        sum(award.quantity * values[award.bidder] for award in sale)
        for sale, values in zip(sold.awards, sold.values, strict=True)
    ]
