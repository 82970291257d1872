"""Everything that somebody may read of a market: every GET route, the stream, every command."""

import importlib
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from schemas.topics import TOPIC_NAMED
from services.cli import COMMANDS
from services.gateway.access import ACCESS
from services.gateway.app import openapi_document
from tests.builders.exchange import Exchange
from tests.builders.places import Place

# Commands that read a data folder, with what they are given besides it. PARTY stands for every
# party, POSITION for positions, TOPIC for every topic, OUT for a new file or folder whose content
# is then read too.
PARTY, POSITION, TOPIC, OUT = object(), object(), object(), object()
READING: dict[tuple[str, str], tuple[Any, ...]] = {
    ("audit", "verify"): (),
    ("audit", "replay"): (),
    ("audit", "show"): (POSITION,),
    ("audit", "prove"): (POSITION,),
    ("audit", "export"): ("--out", OUT),
    ("topic", "list"): (),
    ("topic", "tail"): (TOPIC, "-n", 500),
    ("doctor", "doctor"): (),
    ("keys", "list"): (),
    ("ledger", "trial-balance"): (),
    ("ledger", "statement"): (PARTY,),
    ("ledger", "export"): ("--out", OUT),
    ("catalog", "export"): ("--out", OUT),
}
# These run a market, change its folder, or copy the whole of it, secrets included, for its owner.
NOT_READING = {
    ("serve", "serve"),
    ("demo", "demo"),
    ("backup", "backup"),
    ("backup", "restore"),
    ("backup", "rebuild"),
    ("keys", "rotate"),
    ("catalog", "import"),
    ("migrate", "migrate"),
    ("service", "service"),
    *((server, verb) for server in ("kafka", "postgres") for verb in ("start", "stop", "status")),
    *(("cluster", verb) for verb in ("start", "stop", "status", "env")),
}


class Known:
    """Ids of all there is, by the name of the path parameter that takes them.

    A parameter that is not among them fails the walk: whoever adds a route says here what to ask
    it for.
    """

    def __init__(self, size: int, **ids: list[str]) -> None:
        self._ids = {
            **ids,
            "position": [str(position) for position in range(size)],
            "purpose": ["revocation", "suspension"],
            "number": ["0"],
            "usage_id": ["usg_nobodys"],  # a delivery is content, and holds no amount
        }

    def of(self, name: str) -> list[str]:
        return self._ids[name]


def pages(market: Exchange, speaker: str, known: Known) -> Iterator[tuple[str, str]]:
    """Yield (what was asked, whole answer) of every GET route for everything known, in each form
    and to the last page.
    """
    document = openapi_document()
    for method, path in sorted(ACCESS):
        if method != "GET" or path == "/v1/stream":
            continue
        about = document["paths"][path]["get"]
        names = [p["name"] for p in about["parameters"] if p["in"] == "path"]
        wanted = {p["name"]: p["example"] for p in about["parameters"] if p.get("required")}
        query = {name: value for name, value in wanted.items() if name not in names}
        forms = sorted(about["responses"]["200"]["content"]) or ["*/*"]
        for values in itertools.product(*(known.of(name) for name in names)):
            url = path
            for name, value in zip(names, values, strict=True):
                url = url.replace(f"{{{name}}}", value)
            answers = [
                answer
                for form in forms
                for answer in _to_the_end(market, speaker, url, form, query)
            ]
            for answer in answers:
                yield f"{speaker or 'nobody'}: GET {url} {answer.status_code}", answer.text
            if answers[0].status_code == 401 or "role_not_allowed" in answers[0].text:
                break  # whatever the ids


def _to_the_end(
    market: Exchange, speaker: str, url: str, form: str, query: dict[str, Any]
) -> Iterator[Any]:
    after = None
    while True:
        params = query if after is None else {**query, "after": after}
        answer = market.call(speaker, "GET", url, params=params, headers={"Accept": form}, key=None)
        yield answer
        body = answer.json() if "json" in answer.headers.get("content-type", "") else None
        after = body.get("next_after") if isinstance(body, dict) else None
        if after is None:
            return


def stream(market: Exchange, speaker: str, is_last: Callable[[dict[str, Any]], bool]) -> str:
    """Return the stream of public events from the beginning until the last awaited one."""
    headers = {"Authorization": f"Bearer {market.tokens[speaker]}"} if speaker else {}
    heard: list[str] = []
    with market.http.stream("GET", "/v1/stream?after=-1", headers=headers) as answer:
        for line in answer.iter_lines():
            heard.append(line)
            if line.startswith("data: ") and is_last(json.loads(line.removeprefix("data: "))):
                return "\n".join(heard)
    raise AssertionError("the stream ended before its last event")


def commands_on_a_folder() -> set[tuple[str, str]]:
    found = set()
    for module, _ in COMMANDS.values():
        group = typer.main.get_group(importlib.import_module(module).app)
        for name, command in group.commands.items():
            if any(parameter.name == "data" for parameter in command.params):
                home = next(top for top, (owner, _) in COMMANDS.items() if owner == module)
                found.add((home, name))
    return found


def outputs(
    place: Place, aside: Path, parties: list[str], positions: list[int]
) -> Iterator[tuple[str, str]]:
    """Yield (command line, all it wrote) of every reading command that the place has."""
    counter = itertools.count()
    for (home, name), given in READING.items():
        where = place.options(home, name)
        if where is None:
            continue
        app = importlib.import_module(COMMANDS[home][0]).app
        single = len(typer.main.get_group(app).commands) == 1
        several = {
            PARTY: parties,
            POSITION: [*map(str, positions)],
            TOPIC: [*TOPIC_NAMED],
            OUT: [""],
        }
        choices = [several.get(word, [word]) for word in given]
        for words in itertools.product(*choices):
            out = aside / f"out-{next(counter)}"
            line = [str(out if word is OUT else word) for word in words]
            for more in ([], ["--json"]) if OUT not in given else ([],):
                full = [*([] if single else [name]), *line, *where, *more]
                done = CliRunner().invoke(app, full)
                yield " ".join([home, *full]), done.output + done.stderr + repr(done.exception)
            for path in [out, *out.rglob("*")] if out.exists() else []:
                if path.is_file():
                    yield f"{home} {name}: {path.name}", path.read_text()
