# In: nothing; finished runs. Out: markers that the MLflow store exists, and that it holds all runs with their retrieval.
# A store that cannot be used fails no job: the marker says so, and `attempt` grows, so that the next call of Snakemake
# fills the store. The store's address is a derived parameter, which triggers no rerun: if the first rule ran again,
# Snakemake would not look whether jobs that take its marker as ancient have to run as well.
from spectraflow.training.tracking_marker import next_attempt

SYNCED = f"{plan.results_folder}/mlflow/synced.json"


rule initialise_tracking:
    output:
        marker="<results>/mlflow/initialised.json",
    log:
        "<logs>/initialise_tracking.log",
    benchmark:
        "<benchmarks>/initialise_tracking.tsv"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(10),
    params:
        store=lambda wildcards, output: option("--uri", plan.tracking_uri),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow tracking init --out {output.marker:q} --attempt 0 {params.store}
        """


rule sync_tracking:
    input:
        initialised=ancient("<results>/mlflow/initialised.json"),
        encoders=plan.each_run("<results>/km3aid/spectrum_encoders/{encoder}/metrics.json")
        + plan.mmfrl.each_encoder("<results>/mmfrl/encoders/{encoder}/metrics.json"),
        metrics=plan.each_run("<results>/km3aid/runs/{run}/metrics.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/metrics.json")
        + plan.symspectra.each_run("<results>/symspectra/runs/{run}/metrics.json")
        + plan.matchnet.each_run("<results>/matchnet/runs/{run}/metrics.json")
        + plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/metrics.json"),
        retrieval=plan.each_complete_run("<results>/km3aid/runs/{run}/retrieval.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/retrieval.json"),
        labels=plan.each_run("<results>/km3aid/runs/{run}/label.txt")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/label.txt")
        + plan.symspectra.each_run("<results>/symspectra/runs/{run}/label.txt")
        + plan.matchnet.each_run("<results>/matchnet/runs/{run}/label.txt")
        + plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/label.txt"),
    output:
        marker=update("<results>/mlflow/synced.json"),
    log:
        "<logs>/sync_tracking.log",
    benchmark:
        "<benchmarks>/sync_tracking.tsv"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(30),
    params:
        uri=lambda wildcards, output: plan.tracking_uri,
        attempt=next_attempt(SYNCED, plan.tracking_uri),
        folders=lambda wildcards, input: repeat("", map(folder, [*input.encoders, *input.metrics])),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow tracking sync --uri {params.uri:q} --out {output.marker:q} --attempt {params.attempt} \
            {params.folders}
        """
