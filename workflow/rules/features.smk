# In: molecules tables. Out: molecular graphs and functional-group labels.


rule build_graphs:
    input:
        molecules="<results>/tables/{source}/molecules.parquet",
    output:
        graphs="<results>/features/{source}/graphs.parquet",
        rejects="<results>/features/{source}/graph_rejects.parquet",
    log:
        "<logs>/build_graphs/{source}.log",
    benchmark:
        "<benchmarks>/build_graphs/{source}.tsv"
    threads: plan.config.processes
    resources:
        mem_mb=grow(4000),
        runtime=grow(240),
    params:
        code=code_of("molecules.graphs"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow build-graphs --molecules {input.molecules:q} --graphs {output.graphs:q} \
            --rejects {output.rejects:q} --processes {threads}
        """


rule label_groups:
    input:
        molecules="<results>/tables/{source}/molecules.parquet",
        definitions="resources/functional_groups.csv",
    output:
        labels="<results>/features/{source}/labels.parquet",
    log:
        "<logs>/label_groups/{source}.log",
    benchmark:
        "<benchmarks>/label_groups/{source}.tsv"
    threads: plan.config.processes
    resources:
        mem_mb=grow(4000),
        runtime=grow(240),
    params:
        code=code_of("molecules.functional_groups"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow label-groups --molecules {input.molecules:q} --definitions {input.definitions:q} \
            --labels {output.labels:q} --processes {threads}
        """
