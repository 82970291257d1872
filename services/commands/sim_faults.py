"""`databourse sim faults`: seeded faults in both services, and what breaks by them."""

import json
from typing import Annotated

import typer

from services.commands import Exit, UsageError
from services.commands.options import AsJson
from services.progress import progress
from simulation.faults.laboratory import Finding, shrink, try_seed
from simulation.faults.planted import PLANTS
from simulation.faults.story import tell
from simulation.faults.world import NONE, Plant


def faults(
    seed: Annotated[int | None, typer.Option("--seed", help="Live this one life again.")] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many lives.")] = 300,
    start: Annotated[int, typer.Option("--start", min=0, help="The first seed.")] = 0,
    plant: Annotated[
        str, typer.Option("--plant", help="A bug to be found; `list` names them.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Live random lives of a venue in which services die, stall and hear twice, and clocks jump.

    After every step money, grants, licences, seals and states are held against what must be. The
    first life that breaks a rule is made as short as it can be and told; exit 1.

    Example: databourse sim faults --seeds 300

    Example: databourse sim faults --seed 55 --plant tie-to-the-later
    """
    if plant == "list":
        _list(as_json=as_json)
        return
    planted = _planted(plant)
    chosen = range(start, start + seeds) if seed is None else range(seed, seed + 1)
    found = None
    with progress("lives", len(chosen), quiet=as_json) as progressed:
        for done, each in enumerate(chosen, 1):
            found = try_seed(each, planted)
            if found:
                break
            progressed(done)
    _report(chosen, planted, found, as_json=as_json)
    raise typer.Exit(Exit.FINDING if found else Exit.RIGHT)


def _planted(name: str) -> Plant:
    if name and name not in PLANTS:
        raise UsageError(f"no planted bug is named {name!r}; there are {', '.join(PLANTS)}")
    return PLANTS.get(name, NONE)


def _list(*, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({plant.name: plant.says for plant in PLANTS.values()}))
        return
    for plant in PLANTS.values():
        typer.echo(f"{plant.name:22}{plant.says}")


def _report(seeds: range, plant: Plant, found: Finding | None, *, as_json: bool) -> None:
    lived = found.seed - seeds.start + 1 if found else len(seeds)
    shortest = shrink(found, plant) if found else None
    if as_json:
        told: dict[str, object] = {"plant": plant.name, "lives": lived, "finding": None}
        if found and shortest:
            told["finding"] = {
                "seed": found.seed,
                "invariant": found.invariant,
                "problem": shortest.text,
                "acts": [len(found.life), len(shortest.life)],
                "story": tell(shortest),
            }
        typer.echo(json.dumps(told, ensure_ascii=False))
    elif found and shortest:
        typer.echo(
            f"seed {found.seed}: {found.invariant} after {len(found.life)} acts with "
            f"{found.faults} faults; {len(shortest.life)} acts with {shortest.faults} are enough:"
        )
        typer.echo("\n".join(tell(shortest)))
        again = f"databourse sim faults --seed {found.seed}"
        typer.echo(f"again: {again}{f' --plant {plant.name}' if plant.name else ''}")
    else:
        typer.echo(f"{lived:,} lives ({plant.says}): nothing broke")
