"""A life told in lines, for whoever has to find out why it goes wrong."""

import msgspec

from schemas.base import Command
from simulation.faults.laboratory import Finding
from simulation.faults.life import Act, Jump, Repeat, Say, Take, Wait

_NOT_TOLD = frozenset({"type", "id", "at_ms", "nonce", "operator_id", "currency", "terms"})


def tell(finding: Finding) -> list[str]:
    """Return the acts that lead to a finding, and the finding."""
    lines = [f"{number:3}. {_act(act)}" for number, act in enumerate(finding.life, 1)]
    quiet = "in the quiet that follows, " if finding.in_the_quiet else ""
    return [*lines, f"  -> {quiet}{finding.invariant}: {finding.text}"]


def _act(act: Act) -> str:
    match act:
        case Say():
            said = f"say [{act.number}] {_command(act.command)}"
            if not act.arrives:
                return f"{said}; LOST on its way, to be said again"
            return said if act.acknowledged else f"{said}; the ANSWER IS LOST, to be said again"
        case Repeat():
            return f"[{act.number}] arrives ONCE MORE"
        case Wait():
            return f"{act.ms:,} ms pass"
        case Jump():
            return f"the clock of {act.service} JUMPS by {act.by_ms:+,} ms"
        case Take():
            return f"{act.service} takes {_limits(act)}{_end(act)}"


def _limits(act: Take) -> str:
    return ", ".join(f"{n} of {topic}" for topic, n in act.limits if n) or "nothing"


def _end(act: Take) -> str:
    point, verb = (act.dies, "DIES") if act.dies else (act.stalls, "STANDS STILL")
    if point is None:
        return ""
    nth = f", the {act.nth}. time" if act.nth > 1 else ""
    return f" and {verb} when it has {_DONE[point]}{nth}"


_DONE = {
    "fenced": "fenced the one before",
    "recovered": "its state again",
    "read": "read its inputs",
    "decided": "decided",
    "event written": "written an event",
    "sealed": "written the seal",
    "offsets sent": "sent the offsets",
    "committed": "committed",
    "answered": "noted the commit",
}


def _command(command: Command) -> str:
    told = msgspec.to_builtins(command)
    terms = told.get("terms", {})
    more = [f"{name}={value}" for name, value in told.items() if name not in _NOT_TOLD]
    if terms:
        lasts_ms = terms["ends_at_ms"] - terms["starts_at_ms"]
        more.append(f"{terms['format']} of {lasts_ms} ms from {terms['start_price_minor']}")
    return f"{told['type']} {command.id} {' '.join(more)}".rstrip()
