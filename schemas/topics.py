"""The only topic table: who writes what where, and who reads it."""

from enum import StrEnum
from typing import Final, get_args

import msgspec

from schemas import commands as c
from schemas import events as e
from schemas.base import Command, Event


class Service(StrEnum):
    GATEWAY = "gateway"
    MATCHING = "matching"
    SETTLEMENT = "settlement"
    AUDIT = "audit"


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """`readers` are the services that decide on what it carries; audit and the read models read
    all.
    """

    name: str
    writer: Service
    readers: tuple[Service, ...]
    carries: tuple[type[Command] | type[Event], ...]


TOPICS: Final = (
    Topic(
        name="settlement.commands",
        writer=Service.GATEWAY,
        readers=(Service.SETTLEMENT,),
        carries=get_args(c.SettlementCommand),
    ),
    Topic(
        name="matching.commands",
        writer=Service.GATEWAY,
        readers=(Service.MATCHING,),
        carries=get_args(c.MatchingCommand),
    ),
    Topic(
        name="ledger",
        writer=Service.SETTLEMENT,
        readers=(Service.MATCHING,),
        carries=(
            e.VenueOpened,
            e.PartyRegistered,
            e.PartyVerified,
            e.PartyApproved,
            e.PartySuspended,
            e.PartyResumed,
            e.ControllerChanged,
            e.AccountOpened,
            e.TransferPosted,
            e.FundsReserved,
            e.FundsRefused,
            e.FundsReleased,
            e.DeadlineNoted,
            e.TimeAdvanced,
            e.InstructionRefused,
        ),
    ),
    Topic(
        name="grants",
        writer=Service.SETTLEMENT,
        readers=(),
        carries=(
            e.GrantIssued,
            e.GrantSuspended,
            e.GrantResumed,
            e.GrantExhausted,
            e.GrantExpired,
            e.GrantRevoked,
            e.UsageRecorded,
            e.UsageCharged,
            e.UsageRefused,
        ),
    ),
    Topic(
        name="listings",
        writer=Service.MATCHING,
        readers=(),
        carries=(
            e.PartyAdmitted,
            e.DataSetRegistered,
            e.ListingDrafted,
            e.ListingSubmitted,
            e.ListingReviewed,
            e.ListingSuspended,
            e.ListingResumed,
            e.ListingWithdrawn,
            e.ListingExpired,
            e.AccessRequested,
            e.RequestRefused,
            e.DataSetRevised,
            e.ListingAmended,
            e.AccessReviewed,
            e.AccessDecided,
            e.SubscriptionPushed,
            e.QualityChallenged,
            e.ChallengeAnswered,
            e.AccessEvaluated,
            e.AccessWithdrawn,
            e.AccessClosed,
            e.AccessOverdue,
            e.CalendarSet,
        ),
    ),
    Topic(
        name="bids",
        writer=Service.MATCHING,
        readers=(Service.SETTLEMENT,),
        carries=(
            e.DeadlineScheduled,
            e.ClockAdvanced,
            e.AuctionOpened,
            e.BidPlaced,
            e.BidRejected,
            e.BidOutbid,
            e.BidSuperseded,
            e.BidLost,
            e.AuctionExtended,
            e.AuctionCancelled,
            e.AuctionClosedUnsold,
            e.SubscriptionRejected,
            e.TradeExecuted,
        ),
    ),
)

TOPIC_OF: Final = {kind: topic for topic in TOPICS for kind in topic.carries}
TOPIC_NAMED: Final = {topic.name: topic for topic in TOPICS}
DECIDERS: Final = (Service.SETTLEMENT, Service.MATCHING)
INPUTS: Final = {
    service: frozenset(topic.name for topic in TOPICS if service in topic.readers)
    for service in DECIDERS
}
OUTPUTS: Final = {
    service: frozenset(topic.name for topic in TOPICS if topic.writer is service)
    for service in DECIDERS
}

# A venue (交易场所) is the unit of order; its partition number is the same in every topic.
PARTITION_OF_VENUE: Final = {"gx": 0}
