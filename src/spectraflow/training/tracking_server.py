"""A tracking server for clusters: MLflow on a private PostgreSQL, started and stopped together."""

import fcntl
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from spectraflow.errors import InputError
from spectraflow.training.postgres import prepare, running, stop

DATABASE = "mlflow"
START_SECONDS = 600.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PRIVATE = ("10.*", "192.168.*", *(f"172.{second}.*" for second in range(16, 32)))


def serve(folder: Path, host: str, port: int, workers: int, allowed_hosts: str | None = None) -> None:
    """Run PostgreSQL and an MLflow server with data and artifacts in `folder` until interrupted.

    Raises InputError if PostgreSQL or psycopg is missing, the port is taken, or another call uses the folder.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise InputError("the tracking server needs psycopg: pip install 'spectraflow[server]'")
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with (
            _alone(folder),
            _free_port(host, port),
            running(prepare(folder), DATABASE) as (database, uri),
            _mlflow(folder, uri, host, port, workers, allowed_hosts) as server,
        ):
            _wait_until_up(server, host, port, folder)
            print(f"tracking server on {_url(host, port)}, data in {folder}; Ctrl-C stops it", flush=True)
            _wait_for_end(database, server, folder)
    except KeyboardInterrupt:
        print("tracking server stopped", flush=True)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "serve.lock").open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"another tracking server runs in {folder}; stop it, or choose another folder") from None
        yield


@contextmanager
def _free_port(host: str, port: int) -> Iterator[None]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"cannot listen on {host}:{port} ({error.strerror}); choose another port or host"
            ) from None
    yield


def allowed(host: str) -> str:
    """Return the names under which clients may reach a server that listens on `host`, as MLflow takes them.

    MLflow by itself refuses requests that call it by the name of the machine.
    """
    names = [*LOOPBACK[:2], "[[]::1]"]
    if host not in LOOPBACK:
        names += [*PRIVATE, socket.gethostname(), socket.getfqdn()]
        names += [host] if host not in ("0.0.0.0", "::") else []
    return ",".join(dict.fromkeys(name for plain in names for name in (plain, f"{plain}:*")))


@contextmanager
def _mlflow(
    folder: Path, uri: str, host: str, port: int, workers: int, allowed_hosts: str | None
) -> Iterator["subprocess.Popen[bytes]"]:
    options = {
        "--backend-store-uri": uri,
        "--artifacts-destination": (folder / "artifacts").as_uri(),
        "--host": host,
        "--port": str(port),
        "--workers": str(workers),
        "--allowed-hosts": allowed_hosts or allowed(host),
        "--uvicorn-opts": "--log-level warning",
    }
    environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}
    command = [sys.executable, "-m", "mlflow", "server", *(part for option in options.items() for part in option)]
    with (folder / "mlflow.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
    try:
        yield process
    finally:
        stop(process, signal.SIGTERM)


def _url(host: str, port: int) -> str:
    reachable = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _wait_until_up(server: "subprocess.Popen[bytes]", host: str, port: int, folder: Path) -> None:
    probed = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with opener.open(f"{_url(probed, port)}/health", timeout=5):
                return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise InputError(f"the MLflow server did not start, see {folder / 'mlflow.log'}") from None
            time.sleep(0.2)


def _wait_for_end(database: "subprocess.Popen[bytes]", server: "subprocess.Popen[bytes]", folder: Path) -> NoReturn:
    while True:
        for process, log in ((database, "postgres.log"), (server, "mlflow.log")):
            if process.poll() is not None:
                raise InputError(f"{Path(process.args[0]).name} ended by itself, see {folder / log}")  # type: ignore[index, arg-type]
        time.sleep(0.5)
