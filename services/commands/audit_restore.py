"""`databourse audit restore`: a venue's topics made again on a cluster that has lost them."""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from schemas.base import SchemaError
from services.audit import export
from services.audit.checkpoint import VerifierKey, read_verifier
from services.commands import Exit, UsageError
from services.commands.cluster_options import on_kafka, venue_named
from services.commands.folders import usable
from services.commands.options import AsJson, DatabaseUrl, Venue
from services.progress import progress
from streams.kafka.settings import KafkaSettings


@on_kafka()
def restore_command(
    kafka: KafkaSettings,
    folder: Annotated[
        Path | None,
        typer.Argument(help="A full export, where the trail in the database is lost as well."),
    ] = None,
    db: DatabaseUrl = "",
    venue: Venue = "gx",
    key: Annotated[
        str, typer.Option("--key", help="Verifier key; the one in the folder if not given.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write a venue's records back into the empty topics of a cluster, each at its old offset.

    They come from the trail in the database; with FOLDER that is filled first, from an export made
    with --full. Stop the services before. What Kafka had acknowledged and the trail did not have
    yet is lost.

    Example: databourse audit restore --log kafka://127.0.0.1:9092 --db postgresql://gx@127.0.0.1/gx
    """
    from services.cluster.restoring import restore  # not loaded where nobody needs it
    from streams.postgres import PostgresReader

    if not db:
        raise UsageError("give --db: where the trail is, or shall be")
    venue_named(venue)
    if folder is not None:
        _bring_back(folder, key, db, venue)
    with usable(Exit.UNREACHABLE):
        trail = PostgresReader(db, venue)
    with closing(trail), usable(Exit.FINDING):
        size = trail.size
        records = asyncio.run(restore(kafka, trail))
    if as_json:
        typer.echo(json.dumps({"venue": venue, "trail": size, "restored": records}))
    else:
        typer.echo(f"{records} records of {venue} are back in the topics, all that the trail has")


def _bring_back(folder: Path, key: str, db: str, venue: str) -> None:
    from services.audit.shared import PostgresShelf
    from services.cluster.opening import make_tables
    from services.cluster.restoring import bring_back
    from streams.postgres import PostgresLog

    try:
        verifier = read_verifier(key or (folder / export.KEY).read_text(errors="replace"))
        with progress("checking", 0) as tell:
            report = export.check(folder, verifier, tell)
    except OSError as error:
        raise UsageError(f"{folder} is not an export: {error}", Exit.UNREACHABLE) from error
    if report.findings:
        raise UsageError(f"{folder} is not right: {report.findings[0].problem}", Exit.FINDING)
    _check_origin(verifier, venue)
    with usable(Exit.UNREACHABLE):
        make_tables(db, venue)
        trail = PostgresLog(db, venue)
    with closing(trail), closing(PostgresShelf(db, venue)) as shelf, usable(Exit.FINDING):
        entries, note = export.read_back(folder)
        try:
            bring_back(trail, entries)
        except SchemaError as error:
            raise UsageError(
                f"{folder} has the hashes alone of what is sealed: only one made with "
                "`audit export --full`, or a backup of the database, can be restored from",
                Exit.FINDING,
            ) from error
        shelf.keep_verifier(str(verifier))
        if shelf.note(note[0]) is None:
            shelf.keep_notes([note])


def _check_origin(verifier: VerifierKey, venue: str) -> None:
    if verifier.name != f"databourse/{venue}":
        raise UsageError(f"this is an export of {verifier.name}, not of venue {venue}")
