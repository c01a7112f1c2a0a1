"""The `spectraflow mmfrl` commands."""

import typer

from spectraflow.methods.mmfrl.commands_data import app as data_app
from spectraflow.methods.mmfrl.commands_explain import app as explain_app
from spectraflow.methods.mmfrl.commands_graphs import app as graphs_app
from spectraflow.methods.mmfrl.commands_pretraining import app as pretraining_app
from spectraflow.methods.mmfrl.commands_report import app as report_app
from spectraflow.methods.mmfrl.commands_tasks import app as tasks_app

app = typer.Typer(no_args_is_help=True, help="MMFRL: relational pre-training and MoleculeNet tasks.")
for part in (data_app, graphs_app, pretraining_app, tasks_app, explain_app, report_app):
    app.add_typer(part)
