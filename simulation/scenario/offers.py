"""What a scenario's listings are offered at: entries, offers, terms of auctions and reserves."""

from collections.abc import Sequence
from typing import Final

from schemas.auctions import (
    AuctionTerms,
    DutchTerms,
    EnglishTerms,
    IncrementStep,
    SealedFirstPriceTerms,
    SealedSecondPriceTerms,
    SoftClose,
    UniformTerms,
)
from schemas.catalogue import (
    AuctionOffer,
    CatalogueEntry,
    FreeOffer,
    MeteredOffer,
    Offer,
    UpdateCycle,
)
from schemas.tariff import PriceModel, Tariff, Tier, Unit
from simulation.agents.suppliers import AdaptiveReserve, FixedReserve, Pricing, myerson
from simulation.scenario.distributions import Uniform
from simulation.scenario.schema import HOUR_MS, AuctionTable, Listing, ScenarioError

DUTCH_STEPS: Final = 100


def pricing(table: AuctionTable) -> Pricing:
    match table.pricing:
        case "fixed":
            return FixedReserve(table.reserve_minor)
        case "adaptive":
            return AdaptiveReserve(table.reserve_minor)
        case "myerson":
            if isinstance(table.value.private, Uniform):
                return myerson(table.value.private.low, table.value.private.high)
            raise ScenarioError("pricing: myerson needs a uniform private value")
    raise ScenarioError(f"no pricing {table.pricing!r}; there are adaptive, fixed, myerson")


def offer(kind: Listing, currency: str) -> Offer:
    if kind.auction:
        return AuctionOffer(currency=currency)
    if kind.free:
        return FreeOffer(condition=kind.free.condition)
    assert kind.metered is not None, "a listing has one mode"
    tier = Tier(up_to=None, unit_price_minor=kind.metered.unit_price_minor)
    tariff = Tariff(
        unit=Unit.CALL,
        model=PriceModel.GRADUATED,
        currency=currency,
        tiers=(tier,),
        free_units=kind.metered.free_units,
    )
    return MeteredOffer(tariff=tariff)


def entry(kind: Listing, copy: int, providers: Sequence[str]) -> CatalogueEntry:
    return CatalogueEntry(
        title_zh=f"{kind.name_zh} {copy + 1}",
        title_en=f"{kind.name_en} {copy + 1}",
        abstract_zh=f"{kind.name_zh}，模拟数据",
        abstract_en=f"{kind.name_en}, simulated",
        field=kind.field,
        update_cycle=UpdateCycle.MONTHLY,
        provider_name=providers[copy % len(providers)],
        licence="simulated",
    )


def terms(table: AuctionTable, currency: str, now_ms: int, reserve_minor: int) -> AuctionTerms:
    ends_ms = now_ms + round(table.lasts_hours * HOUR_MS)
    start, reserve = table.start_price_minor, reserve_minor
    match table.format:
        case "english":
            minutes = table.extend_minutes
            soft = minutes and SoftClose(
                window_ms=minutes * 60_000, extend_by_ms=minutes * 60_000, extensions_max=20
            )
            return EnglishTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=start,
                reserve_price_minor=reserve,
                increments=(
                    IncrementStep(below_minor=None, increment_minor=table.increment_minor),
                ),
                soft_close=soft or None,
            )
        case "dutch":
            top = max(start, reserve, table.dutch_start_minor or start)
            floor = max(start, reserve)
            return DutchTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=top,
                step_minor=max(1, (top - floor) // DUTCH_STEPS),
                interval_ms=max(1, (ends_ms - now_ms) // (DUTCH_STEPS + 10)),
                floor_price_minor=floor,
            )
        case "uniform":
            return UniformTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=start,
                reserve_price_minor=reserve,
                licences=table.licences,
            )
        case "sealed_first_price":
            return SealedFirstPriceTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=start,
                reserve_price_minor=reserve,
            )
        case "sealed_second_price":
            return SealedSecondPriceTerms(
                currency=currency,
                starts_at_ms=now_ms,
                ends_at_ms=ends_ms,
                start_price_minor=start,
                reserve_price_minor=reserve,
            )
