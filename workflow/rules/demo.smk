# In: nothing. Out: the raw files of every source, simulated, in each source's native format.


rule generate_demo:
    output:
        expand("<results>/raw/{file}", file=DEMO_FILES),
    log:
        "<logs>/generate_demo.log",
    benchmark:
        "<benchmarks>/generate_demo.tsv"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(30),
    params:
        settings=plan.demo_settings,
        code=code_of("sources.demo.generate"),
        folder=lambda wildcards, output: folder(folder(output[0])),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow generate-demo --settings {params.settings:q} --out {params.folder:q}
        """
