# SpectraFlow: from raw public spectra to compared models that link molecules with their spectra.
# Settings: config.yaml and the overlays in workflow/config. Rules: workflow/rules. Helpers: src/spectraflow/workflow.py.
from snakemake.utils import min_version

from spectraflow.interruption import release_dead_lock
from spectraflow.provenance import code_of
from spectraflow.workflow import DEMO_FILES, WILDCARDS, checkpoints, folder, grow, load_plan, option, options, repeat
from spectraflow.workflow import shell_prefix

min_version("9.20")


configfile: "config.yaml"


plan = load_plan(config)
release_dead_lock(Path(".snakemake"), workflow.is_main_process)
shell.prefix(shell_prefix(plan.results_folder, plan.config.devices.environment))


pathvars:
    results=plan.results,
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


container: "envs/spectraflow.sif"


wildcard_constraints:
    **WILDCARDS,


include: "workflow/rules/demo.smk" if plan.config.data == "demo" else "workflow/rules/retrieve.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/multimodal.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/tracking.smk"
include: "workflow/rules/km3aid.smk"
include: "workflow/rules/symspectra.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/shifts.smk"
include: "workflow/rules/matchnet.smk"
include: "workflow/rules/mmfrl.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/targets.smk"


rule all:
    default_target: True
    input:
        rules.compare_runs.output,
        rules.report.input,
        rules.sync_tracking.output if plan.tracking_uri else [],
    localrule: True
