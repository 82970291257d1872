"""The market with its commit split in two on purpose: what the kill test must be able to see."""

import time
from collections.abc import Mapping, Sequence

import services.process
from services.commands.serve import app
from streams.embedded import EmbeddedLog
from streams.log import Snapshot


class SplitLog(EmbeddedLog):
    """Commits the records first and the heads a moment later, as if they did not belong
    together.
    """

    def _commit(
        self,
        rows: Sequence[tuple[int, int, bytes]],
        heads: Mapping[str, int],
        snapshots: Sequence[Snapshot],
    ) -> None:
        super()._commit(rows, {}, [])
        time.sleep(0.004)  # long enough for a kill to fall between the two
        super()._commit([], heads, snapshots)


if __name__ == "__main__":
    services.process.EmbeddedLog = SplitLog  # type: ignore[misc]
    app()
