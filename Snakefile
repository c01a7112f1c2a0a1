# SpectraFlow: from raw public spectra to compared models that link molecules with their spectra.
# Settings: config.yaml and the overlays in workflow/config. Rules: workflow/rules. Helpers: src/spectraflow/workflow.py.
import sys
from pathlib import Path

from snakemake.utils import min_version

from spectraflow.workflow import DEMO_FILES, checkpoints, code_of, folder, load_plan, option, repeat

min_version("9.20")


configfile: "config.yaml"


plan = load_plan(config)
shell.prefix(f"export PATH={Path(sys.executable).parent.as_posix()!r}:$PATH; ")


pathvars:
    results=plan.results,
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


container: "envs/spectraflow.sif"


wildcard_constraints:
    source="nmrshiftdb2|pubchem",
    selection="(published_ids|all_assigned)(-computed)?",
    fold=r"\d+",
    run="[0-9a-f]{12}",
    encoder="[0-9a-f]{12}",


localrules:
    all,
    tables,
    km3aid,
    report,


include: "workflow/rules/demo.smk" if plan.config.data == "demo" else "workflow/rules/retrieve.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/tracking.smk"
include: "workflow/rules/km3aid.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        rules.compare_runs.output,
        rules.write_report.output,


rule tables:
    input:
        expand(
            "<results>/tables/{source}/{table}.parquet",
            source=["nmrshiftdb2", "pubchem"],
            table=["molecules", "rejects"],
        ),
        "<results>/tables/nmrshiftdb2/peaks.parquet",
        "<results>/features/nmrshiftdb2/labels.parquet",


rule km3aid:
    input:
        plan.each_run("<results>/km3aid/runs/{run}/metrics.json"),
        plan.each_run("<results>/km3aid/runs/{run}/retrieval.json"),


rule report:
    input:
        rules.write_report.output,
