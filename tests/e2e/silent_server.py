"""The market that commits and never answers: a kill then always falls between the two."""

import services.process
from market.venue import Emission
from services.commands.serve import app
from streams.runner import CascadeRunner, Waiter


class SilentRunner(CascadeRunner):
    def _answer(
        self, waiters: list[Waiter], positions: list[int], cascades: list[list[Emission]]
    ) -> None: ...


if __name__ == "__main__":
    services.process.CascadeRunner = SilentRunner  # type: ignore[misc]
    app()
