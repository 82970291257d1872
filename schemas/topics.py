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
    WATCH = "watch"


FOREVER: Final = -1
MEBIBYTE: Final = 1 << 20


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """`readers` are the services that decide on what it carries; audit and the read models read
    all. `decided`: its events are decisions: they have a `sequence` and are made again in a replay.

    The rest is how it is kept on Kafka. One partition is one venue.
    """

    name: str
    writer: Service
    readers: tuple[Service, ...] = ()
    carries: tuple[type[Command] | type[Event], ...] = ()
    decided: bool = False
    replication: int = 3
    retention_ms: int = FOREVER
    compacted: bool = False
    message_bytes_max: int = MEBIBYTE


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
        decided=True,
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
        decided=True,
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
        decided=True,
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
        decided=True,
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
    Topic(
        name="settlement.inputs",
        writer=Service.SETTLEMENT,
        carries=(e.SettlementInputsTaken,),
    ),
    Topic(name="matching.inputs", writer=Service.MATCHING, carries=(e.MatchingInputsTaken,)),
    Topic(
        name="settlement.dead-letters",
        writer=Service.SETTLEMENT,
        carries=(e.SettlementDeadLetter,),
        message_bytes_max=2 * MEBIBYTE,
    ),
    Topic(
        name="matching.dead-letters",
        writer=Service.MATCHING,
        carries=(e.MatchingDeadLetter,),
        message_bytes_max=2 * MEBIBYTE,
    ),
    Topic(name="checkpoints", writer=Service.AUDIT, carries=(e.CheckpointSigned,)),
    Topic(
        name="index",
        writer=Service.WATCH,
        carries=(
            e.IndexPointPublished,
            e.MarketStatisticsPublished,
            e.UseStatisticsPublished,
        ),
    ),
    Topic(name="alerts", writer=Service.WATCH, carries=(e.AlertRaised,)),
)
# What a service keeps for itself on Kafka: pieces of its state, no messages of the language.
SNAPSHOT_TOPICS: Final = {
    service: Topic(name=f"{service}.snapshots", writer=service, compacted=True)
    for service in (Service.SETTLEMENT, Service.MATCHING)
}

# The tables of the watch: what it remembers of each stream, and up to where that goes.
WATCH_TABLES: Final = Topic(
    name="watch.tables",
    writer=Service.WATCH,
    compacted=True,
    message_bytes_max=8 * MEBIBYTE,
)

TOPIC_OF: Final = {kind: topic for topic in TOPICS for kind in topic.carries}
TOPIC_NAMED: Final = {topic.name: topic for topic in TOPICS}
DECIDERS: Final = (Service.SETTLEMENT, Service.MATCHING)
INPUTS: Final = {
    service: frozenset(topic.name for topic in TOPICS if service in topic.readers)
    for service in DECIDERS
}
OUTPUTS: Final = {
    service: frozenset(topic.name for topic in TOPICS if topic.writer is service and topic.decided)
    for service in DECIDERS
}

# A venue (交易场所) is the unit of order: one partition, whose number is the same in every topic.
PARTITION_OF_VENUE: Final = {"gx": 0, "nn": 1, "lz": 2, "gl": 3}
