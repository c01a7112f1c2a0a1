# In: nothing; finished runs. Out: markers that the MLflow store exists, and that it holds all runs with their retrieval.
# Jobs that start together on a missing store would break it.


rule initialise_tracking:
    output:
        marker="<results>/mlflow/initialised.json",
    log:
        "<logs>/initialise_tracking.log",
    benchmark:
        "<benchmarks>/initialise_tracking.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        uri=plan.tracking_uri or "off",
    shell:
        """
        exec &> >(tee {log:q})
        if [ {params.uri:q} = off ]; then
            echo null >{output.marker:q}
        else spectraflow tracking init --uri {params.uri:q} --out {output.marker:q}; fi
        """


rule sync_tracking:
    input:
        initialised=ancient("<results>/mlflow/initialised.json"),
        encoders=plan.each_run("<results>/km3aid/spectrum_encoders/{encoder}/metrics.json"),
        metrics=plan.each_run("<results>/km3aid/runs/{run}/metrics.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/metrics.json")
        + plan.symspectra.each_run("<results>/symspectra/runs/{run}/metrics.json")
        + plan.matchnet.each_run("<results>/matchnet/runs/{run}/metrics.json"),
        retrieval=plan.each_complete_run("<results>/km3aid/runs/{run}/retrieval.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/retrieval.json"),
        labels=plan.each_run("<results>/km3aid/runs/{run}/label.txt")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/label.txt")
        + plan.symspectra.each_run("<results>/symspectra/runs/{run}/label.txt")
        + plan.matchnet.each_run("<results>/matchnet/runs/{run}/label.txt"),
    output:
        marker="<results>/mlflow/synced.json",
    log:
        "<logs>/sync_tracking.log",
    benchmark:
        "<benchmarks>/sync_tracking.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        uri=lambda wildcards, output: plan.tracking_uri,
        folders=lambda wildcards, input: repeat("", map(folder, [*input.encoders, *input.metrics])),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow tracking sync --uri {params.uri:q} --out {output.marker:q} {params.folders}
        """
