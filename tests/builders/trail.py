"""Verify and replay a data folder, as `databourse audit` does."""

from contextlib import closing
from pathlib import Path

from services.audit.store import stored_notes, stored_verifier
from services.audit.verify import Finding, replay_log, verify_log
from streams.embedded import EmbeddedReader


def findings(folder: Path) -> list[Finding]:
    with closing(EmbeddedReader(folder)) as log:
        verified = verify_log(log, stored_notes(folder), stored_verifier(folder))
        return [*verified.findings, *replay_log(log).findings]
