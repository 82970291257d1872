"""`databourse audit`: verify, replay, show, prove and export the trace, without trusting the
exchange.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from market.merkle import ProofError, leaf_hash, verify_inclusion
from market.sealing import is_sealed, sealed_for
from schemas.envelope import cloudevent_attributes, decode_record
from services.audit import export
from services.audit.checkpoint import CheckpointError, VerifierKey, read_verifier, verify
from services.audit.findings import Report
from services.audit.replay import replay_log
from services.audit.shelf import Note
from services.audit.store import verifier_of
from services.audit.tree import Tree, leaf_hashes
from services.audit.verify import verify_log
from services.commands import Exit, UsageError
from services.commands.audit_restore import restore_command
from services.commands.folders import Trail, log_reader, trail_reader
from services.commands.options import AsJson, DatabaseUrl, TrailData, Venue
from services.progress import progress
from streams.endings import read_endings
from streams.log import READ_LIMIT_MAX, LogReader

app = typer.Typer(
    help="Verify, replay, show, prove and export the audit trace.", no_args_is_help=True
)
Key = Annotated[
    str,
    typer.Option("--key", help="Verifier key (name+hash+base64); the folder's own if not given."),
]


@app.command("verify")
def verify_command(
    data: TrailData = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Check every record: order, completeness, ledger, and the signed checkpoints.

    Example: databourse audit verify --data ./gx-data
    """
    with trail_reader(data, db, venue) as trail:
        log, notes, verifier = trail.log, trail.shelf.notes(), _verifier(trail, key)
        with progress("verifying", log.size, quiet=as_json) as tell:
            report = verify_log(log, notes, verifier, tell)
    _conclude("verified", report, as_json)


@app.command("replay")
def replay_command(
    data: TrailData = None, db: DatabaseUrl = "", venue: Venue = "gx", as_json: AsJson = False
) -> None:
    """Decide every recorded input again and compare each record byte for byte.

    Example: databourse audit replay --data ./gx-data
    """
    with log_reader(data, db, venue) as log, progress("replaying", log.size, quiet=as_json) as tell:
        report = replay_log(log, tell)
    _conclude("replayed", report, as_json)


@app.command("show")
def show_command(
    position: Annotated[int, typer.Argument(help="Position in the log, from 0.")],
    data: TrailData = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    as_json: AsJson = False,
) -> None:
    """Show one record: attributes, message and leaf hash; the hash alone while it is sealed.

    Example: databourse audit show 17 --data ./gx-data
    """
    with log_reader(data, db, venue) as log:
        body = _body(log, position)
        record = decode_record(body)
        sealed = sealed_for(record.data) is not None and is_sealed(
            record.data, read_endings(log).after
        )
    shown = {
        "position": position,
        "sealed": sealed,
        "attributes": None if sealed else cloudevent_attributes(record),
        "record": None if sealed else json.loads(body),
        "leaf_hash": leaf_hash(body).hex(),
    }
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=None if as_json else 2))


@app.command("prove")
def prove_command(
    position: Annotated[int, typer.Argument(help="Position in the log, from 0.")],
    data: TrailData = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Prove that a record is under the newest checkpoint, and check the proof.

    Example: databourse audit prove 17 --data ./gx-data
    """
    with trail_reader(data, db, venue) as trail:
        log, (_, note) = trail.log, _newest_note(trail)
        body = _body(log, position)
        try:
            said = verify(note, _verifier(trail, key))
            tree = Tree()
            for group in _bodies(log, said.size):
                tree.append(leaf_hashes(group))
            proof = tree.inclusion_proof(position, said.size)
            verify_inclusion(leaf_hash(body), position, said.size, proof, said.root)
        except (CheckpointError, ProofError) as error:
            raise UsageError(f"record {position} is not proved: {error}", Exit.FINDING) from error
    proved = {
        "position": position,
        "leaf_hash": leaf_hash(body).hex(),
        "tree_size": said.size,
        "root": said.root.hex(),
        "proof": [sibling.hex() for sibling in proof],
        "checkpoint": note.decode(),
    }
    if as_json:
        typer.echo(json.dumps(proved, ensure_ascii=False))
    else:
        typer.echo(f"record {position} is in the tree of {said.size} records under the signed root")
        typer.echo(f"root {said.root.hex()}, {len(proof)} hashes in the proof")


@app.command("export")
def export_command(
    out: Annotated[Path, typer.Option("--out", help="A folder that does not exist yet.")],
    data: TrailData = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    full: Annotated[
        bool, typer.Option("--full", help="With what is sealed: to restore from, for nobody else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the records with checkpoint, key and a manifest of hashes into a new folder.

    All that is signed by now; of what is sealed until an auction ends, the leaf hash alone. With
    --full everything, in a folder that its owner alone can read.

    Example: databourse audit export --data ./gx-data --out ./gx-trail
    """
    if out.exists():
        raise UsageError(f"{out} exists already; name a folder that does not")
    with trail_reader(data, db, venue) as trail:
        signed, verifier = _newest_note(trail), _verifier(trail, "")
        with progress("exporting", signed[0], quiet=as_json) as tell:
            out.mkdir(parents=True, mode=0o700 if full else 0o777)
            manifest = export.write(trail.log, signed, verifier, out, tell, full=full)
    if as_json:
        typer.echo(json.dumps({"out": str(out), **msgspec.to_builtins(manifest)}))
    else:
        hidden = f", {manifest.sealed.count} of them sealed" if manifest.sealed.count else ""
        typer.echo(f"{manifest.records} records in {out}{hidden}")
    if full:
        sys.stderr.write(f"databourse: {out} holds what is sealed: keep it as you keep the keys\n")


@app.command("check-export")
def check_export_command(
    folder: Annotated[Path, typer.Argument(help="The folder that `audit export` wrote.")],
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Check an exported trail, sealed records included, against its signed checkpoint.

    Give the verifier key if you do not want to trust the one in the folder.

    Example: databourse audit check-export ./gx-trail
    """
    try:
        verifier = read_verifier(key or (folder / export.KEY).read_text(errors="replace"))
        with progress("checking", 0, quiet=as_json) as tell:
            report = export.check(folder, verifier, tell)
    except CheckpointError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{folder} is not an export: {error}", Exit.UNREACHABLE) from error
    _conclude("checked", report, as_json)


app.command("restore")(restore_command)


def _conclude(what: str, report: Report, as_json: bool) -> None:
    right = not report.findings
    if as_json:
        summary: dict[str, Any] = {
            what: right,
            "size": report.size,
            "root": report.root.hex(),
            "checkpoints": report.checkpoints,
            "findings": [finding._asdict() for finding in report.findings],
        }
        typer.echo(json.dumps(summary, ensure_ascii=False))
    else:
        for position, problem in report.findings:
            typer.echo(f"record {position}: {problem}" if position >= 0 else problem)
        verdict = "right" if right else "WRONG"
        typer.echo(f"{what}: {report.size} records, root {report.root.hex()}: {verdict}")
    raise typer.Exit(Exit.RIGHT if right else Exit.FINDING)


def _verifier(trail: Trail, key: str) -> VerifierKey:
    try:
        return read_verifier(key) if key else verifier_of(trail.shelf, trail.place)
    except CheckpointError as error:
        raise UsageError(str(error)) from error


def _newest_note(trail: Trail) -> Note:
    """Return size and text of the newest checkpoint, (0, b"") where there is none."""
    size = trail.shelf.published()
    return size, trail.shelf.note(size) or b""


def _body(log: LogReader, position: int) -> bytes:
    stored = log.read(position, 1) if position >= 0 else ()
    if not stored or stored[0].position != position:
        raise UsageError(f"there is no record {position}; the log has {log.size}, from 0")
    return stored[0].body


def _bodies(log: LogReader, size: int) -> Iterator[list[bytes]]:
    """Yield the records up to `size`, a group at a time."""
    position = 0
    while position < size and (group := log.read(position, min(READ_LIMIT_MAX, size - position))):
        yield [stored.body for stored in group]
        position = group[-1].position + 1
