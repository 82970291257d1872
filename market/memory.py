"""Which commands were already answered: the memory behind "already done"."""

from collections.abc import Callable
from typing import Final

import msgspec

from schemas.base import Command, Event
from schemas.envelope import Message
from schemas.events import (
    FundsRefused,
    FundsReserved,
    InstructionRefused,
    RequestRefused,
    TransferPosted,
)
from schemas.reasons import Refusal

WINDOW_MS: Final = (
    3_600_000  # an id is remembered for one to two windows; an older command is stale
)
GENERATION_IDS_MAX: Final = 500_000  # a generation this full is turned early
_NOT_CONTENT: Final = frozenset({"id", "at_ms", "nonce", "release_nonce"})


class Memory(msgspec.Struct, kw_only=True):
    """Answers by command id, in two generations; turning them forgets the older one whole."""

    recent: dict[str, Message] = {}
    previous: dict[str, Message] = {}
    oldest_ms: int = 0

    @property
    def turns_at_ms(self) -> int | None:
        return self.oldest_ms + WINDOW_MS if self.recent else None


class AlreadyDone:
    """The same command was answered before; nothing more is to be done."""


def judge(memory: Memory, command: Command, now_ms: int) -> type[AlreadyDone] | Refusal | None:
    """Return None for a new command, else why it is not to be decided."""
    answer = memory.recent.get(command.id) or memory.previous.get(command.id)
    if answer is None:
        return Refusal.STALE if command.at_ms < now_ms - WINDOW_MS else None
    return AlreadyDone if restates(answer, command) else Refusal.ID_REUSED


def decide_once(
    memory: Memory,
    command: Command,
    now_ms: int,
    carry_out: Callable[[], list[Event] | Refusal],
    refused: type[InstructionRefused] | type[RequestRefused],
) -> list[Event]:
    """Carry a command out unless it was answered before; a refusal becomes a `refused` event."""
    verdict = judge(memory, command, now_ms)
    if verdict is AlreadyDone:
        return []
    result = verdict if isinstance(verdict, Refusal) else carry_out()
    if isinstance(result, Refusal):
        name = type(command).__name__
        return [refused(at_ms=command.at_ms, id=command.id, command=name, reason=result)]
    return result


def remember(memory: Memory, command_id: str, answer: Event, now_ms: int) -> None:
    """The first answer stays: a later conflict over the same id does not replace it."""
    if not memory.recent:
        memory.oldest_ms = max(answer.at_ms, now_ms)
    memory.recent.setdefault(command_id, answer)
    if len(memory.recent) >= GENERATION_IDS_MAX:
        _turn(memory)


def advance(memory: Memory, now_ms: int) -> None:
    if memory.recent and memory.oldest_ms + WINDOW_MS <= now_ms:
        _turn(memory)


def restates(answer: Message, command: Command) -> bool:
    """Whether everything both of them say agrees, ids, times and nonces aside. Of a refused
    command only its kind is known.
    """
    told: object = answer
    if isinstance(answer, InstructionRefused | RequestRefused):
        return answer.command == type(command).__name__
    if isinstance(answer, FundsReserved | FundsRefused | TransferPosted):
        told = answer.request
        if type(told) is not type(command):
            return False
    return all(
        getattr(told, name) == getattr(command, name)
        for name in command.__struct_fields__
        if name not in _NOT_CONTENT and hasattr(told, name)
    )


def _turn(memory: Memory) -> None:
    memory.previous, memory.recent = memory.recent, {}
