import fcntl
import importlib.metadata
import importlib.util
import re
import socket
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from spectraflow.cli import app
from spectraflow.training import postgres, tracking_server
from spectraflow.training.tracking_server import allowed

COMPOSE = Path(__file__).parents[3] / "envs" / "tracking_server" / "compose.yaml"


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Call the command in a folder of its own; it must not get as far as PostgreSQL."""
    monkeypatch.setattr(tracking_server, "running", lambda *arguments: pytest.fail("PostgreSQL was started"))

    def call(port: int = 0):
        return CliRunner().invoke(
            app, ["tracking", "serve", "--folder", str(tmp_path / "server"), "--port", str(port or 5000)]
        )

    return call


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return port


def test_a_port_in_use_is_an_error(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = serve(taken.getsockname()[1])
    assert done.exit_code == 1
    assert "cannot listen on 127.0.0.1" in done.output


def test_two_servers_do_not_share_a_folder(serve, tmp_path, free_port):
    (tmp_path / "server").mkdir()
    with (tmp_path / "server" / "serve.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = serve(free_port)
    assert done.exit_code == 1
    assert "another tracking server runs in" in done.output


def test_missing_postgresql_is_an_error(serve, free_port, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "PACKAGES", tmp_path)
    done = serve(free_port)
    assert done.exit_code == 1
    assert "apt-get install postgresql" in done.output


def test_missing_psycopg_is_an_error(serve, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = serve()
    assert done.exit_code == 1
    assert "pip install 'spectraflow[server]'" in done.output


def test_a_server_on_the_network_answers_to_the_names_of_its_machine():
    def reaches(host: str, name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in allowed(host).split(","))

    machine = f"{socket.gethostname()}:5000"
    assert reaches("0.0.0.0", machine)
    assert reaches("0.0.0.0", "10.1.2.3:5000")
    assert reaches("127.0.0.1", "localhost:5000")
    assert reaches("::1", "[::1]:5000")
    assert not reaches("0.0.0.0", "elsewhere.org:5000")
    assert not reaches("127.0.0.1", "10.1.2.3:5000")


def test_the_compose_file_starts_the_pinned_versions_and_is_closed_to_the_network():
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    recipe = services["server"]["build"]["dockerfile_inline"]
    for package in ("mlflow", "psycopg"):
        (version,) = re.findall(rf"{package}(?:\[binary\])?==([\d.]+)", recipe)
        assert version == importlib.metadata.version(package)
    assert services["server"]["ports"] == ["${HOST:-127.0.0.1}:${PORT:-5000}:5000"]
    command = services["server"]["command"]
    assert command[command.index("--backend-store-uri") + 1].endswith("@database/mlflow")
    assert services["server"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert set(yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["volumes"]) == {"database", "artifacts"}
