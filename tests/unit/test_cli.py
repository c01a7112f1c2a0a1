import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spectraflow.cli import app

ROOT = Path(__file__).parents[2]


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def commands(group, prefix=()):
    for command in group.registered_commands:
        yield (*prefix, command.name or command.callback.__name__.replace("_", "-"))
    for inner in group.registered_groups:
        yield from commands(inner.typer_instance, (*prefix, inner.name) if inner.name else prefix)


@pytest.mark.parametrize("command", list(commands(app)), ids=" ".join)
def test_every_command_explains_itself(command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from spectraflow.cli import app\n"
        "print([m for m in ('torch', 'rdkit', 'mlflow', 'pandas', 'pyarrow', 'transformers') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


def test_valid_configuration_is_confirmed():
    result = run("config", "check", str(ROOT / "config.yaml"), str(ROOT / "workflow" / "config" / "real.yaml"))
    assert result.exit_code == 0
    assert "valid" in result.output


def test_errors_for_the_user_come_without_traceback(tmp_path):
    (tmp_path / "c.yaml").write_text("nmae: x\ndemo: {seed: y}\n")
    result = run("config", "check", str(tmp_path / "c.yaml"))
    assert result.exit_code == 1
    assert "nmae" in result.output
    assert "demo.seed" in result.output
    assert "Traceback" not in result.output


def test_faulty_inline_settings_stop_a_step(tmp_path):
    result = run("generate-demo", "--settings", '{"molecules": 1}', "--out", str(tmp_path / "raw"))
    assert result.exit_code == 1
    assert "molecules" in result.output
    assert not (tmp_path / "raw").exists()
