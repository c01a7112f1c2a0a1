# In: nothing. Out: a marker that the MLflow store exists. Jobs that start together on a missing store would break it.


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
