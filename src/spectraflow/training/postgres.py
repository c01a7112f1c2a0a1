"""A private PostgreSQL in a folder: set up once, run for as long as a block lasts, reached through a socket alone."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectraflow.errors import InputError

PACKAGES = Path("/usr/lib/postgresql")
"""Where Debian and Ubuntu put the programs, in `<version>/bin`, out of PATH."""
DATABASE_USER = "spectraflow"
SYSTEM_USERS = ("postgres", "nobody")
"""Who runs PostgreSQL in place of root, from which it refuses to start; the first that exists."""
START_SECONDS = 600.0
STOP_SECONDS = 60.0


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs: that on PATH, else the newest of the system's packages."""
    on_path = shutil.which("initdb")
    packaged = sorted(PACKAGES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    found = Path(on_path) if on_path else packaged[-1] if packaged else None
    if found is None:
        raise InputError(
            f"PostgreSQL's programs initdb and postgres are neither on PATH nor in {PACKAGES}; "
            "install them (Debian, Ubuntu: apt-get install postgresql) or put their folder on PATH"
        )
    return found.resolve().parent


@dataclass(frozen=True)
class Cluster:
    """The programs, data folder and log of one PostgreSQL, and who runs it (None: this user)."""

    programs: Path
    data: Path
    log: Path
    user: pwd.struct_passwd | None

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return a command line of one of PostgreSQL's programs on this data folder."""
        return [str(self.programs / program), "-D", str(self.data), *arguments]

    @property
    def run_as(self) -> dict[str, Any]:
        """Arguments of `subprocess` that make a program run as the right user."""
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}


def _other_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in SYSTEM_USERS:
        if name in known:
            return known[name]
    raise InputError(f"PostgreSQL does not run as root, and there is no user {' or '.join(SYSTEM_USERS)}")


def prepare(folder: Path) -> Cluster:
    """Return the PostgreSQL of a folder, set up on the first call.

    Raises InputError if PostgreSQL is not installed or cannot write there.
    """
    cluster = Cluster(find_programs(), folder / "data", folder / "postgres.log", _other_user())
    cluster.data.mkdir(parents=True, exist_ok=True)
    if cluster.user is not None:
        os.chown(cluster.data, cluster.user.pw_uid, cluster.user.pw_gid)
    if subprocess.run(["test", "-w", str(cluster.data)], check=False, **cluster.run_as).returncode:
        name = (
            "this user" if cluster.user is None else f"the user {cluster.user.pw_name}, who runs PostgreSQL for root,"
        )
        raise InputError(f"{name} cannot enter {cluster.data}; choose a folder with open parent folders")
    if not (cluster.data / "PG_VERSION").exists():
        _call(cluster, "initdb", "-U", DATABASE_USER, "--auth=trust", "--encoding=UTF8", "--locale=C")
    return cluster


def _call(cluster: Cluster, program: str, *arguments: str) -> None:
    command = cluster.command(program, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, cwd=cluster.data, check=False, **cluster.run_as)
    if done.returncode:
        raise InputError(f"{program} failed on {cluster.data}: {(done.stderr or done.stdout).strip()[-800:]}")


@contextmanager
def running(cluster: Cluster, database: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run PostgreSQL and yield its process and the address of `database`, made if it is not there.

    A PostgreSQL that a killed earlier call left on the data folder is stopped first.
    """
    if (cluster.data / "postmaster.pid").exists():
        status = subprocess.run(
            cluster.command("pg_ctl", "status"), capture_output=True, cwd=cluster.data, check=False, **cluster.run_as
        )
        if status.returncode == 0:
            _call(cluster, "pg_ctl", "stop", "-m", "fast", "-w")
    with tempfile.TemporaryDirectory(prefix="spectraflow-", ignore_cleanup_errors=True) as socket:
        if cluster.user is not None:
            os.chown(socket, cluster.user.pw_uid, cluster.user.pw_gid)
        settings = ("listen_addresses=", f"unix_socket_directories={socket}", "unix_socket_permissions=0700")
        options = [part for setting in (*settings, "max_connections=200") for part in ("-c", setting)]
        with cluster.log.open("ab") as log:
            process = subprocess.Popen(
                cluster.command("postgres", *options), stdout=log, stderr=log, cwd=cluster.data, **cluster.run_as
            )
        try:
            _make_database(process, cluster, socket, database)
            yield process, f"postgresql+psycopg://{DATABASE_USER}@/{database}?host={socket}"
        finally:
            stop(process, signal.SIGINT)  # ends sessions, writes everything


def stop(process: subprocess.Popen[bytes], request: signal.Signals) -> None:
    """Ask a process to end and wait for it; one that does not is killed."""
    if process.poll() is None:
        process.send_signal(request)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"warning: process {process.pid} did not stop and is killed", file=sys.stderr)
        process.kill()
        process.wait()


def _make_database(process: subprocess.Popen[bytes], cluster: Cluster, socket: str, database: str) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with psycopg.connect(host=socket, user=DATABASE_USER, dbname="postgres", autocommit=True) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
                if known is None:
                    connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database)))
                return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise InputError(f"PostgreSQL did not start, see {cluster.log}: {error}") from None
            time.sleep(0.1)
