"""`databourse sim`: the simulation laboratory."""

import typer

from services.commands import sim_compare, sim_faults, sim_run, sim_sweep, sim_theory

app = typer.Typer(help="The simulation laboratory.", no_args_is_help=True)


@app.callback()
def sim() -> None:
    """Experiments on the market's own rules, with a seed and in virtual time."""


app.command("run")(sim_run.run_command)
app.command("theory")(sim_theory.theory)
app.command("sweep")(sim_sweep.sweep)
app.command("compare")(sim_compare.compare_command)
app.command("faults")(sim_faults.faults)
