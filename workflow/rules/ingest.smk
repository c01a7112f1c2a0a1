# In: raw files. Out: canonical tables of molecules, peaks and rejects, and the accounting of every record.


rule ingest_nmrshiftdb2:
    input:
        raw=plan.raw("nmrshiftdb2"),
    output:
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        peaks="<results>/tables/nmrshiftdb2/peaks.parquet",
        rejects="<results>/tables/nmrshiftdb2/rejects.parquet",
        counts="<results>/tables/nmrshiftdb2/counts.json",
    log:
        "<logs>/ingest_nmrshiftdb2.log",
    benchmark:
        "<benchmarks>/ingest_nmrshiftdb2.tsv"
    threads: plan.config.processes
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        limit=option("--limit", plan.limit("nmrshiftdb2")),
        origin="simulated" if plan.config.data == "demo" else "measured",
        code=code_of("sources.nmrshiftdb2"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow ingest-nmrshiftdb2 --raw {input.raw:q} --molecules {output.molecules:q} \
            --peaks {output.peaks:q} --rejects {output.rejects:q} --counts {output.counts:q} \
            --origin {params.origin} --processes {threads} {params.limit}
        """


rule ingest_pubchem:
    input:
        raw=plan.raw("pubchem"),
    output:
        molecules="<results>/tables/pubchem/molecules.parquet",
        rejects="<results>/tables/pubchem/rejects.parquet",
        counts="<results>/tables/pubchem/counts.json",
    log:
        "<logs>/ingest_pubchem.log",
    benchmark:
        "<benchmarks>/ingest_pubchem.tsv"
    threads: plan.config.processes
    resources:
        mem_mb=grow(4000),
        runtime=grow(720),
    params:
        limit=option("--limit", plan.limit("pubchem")),
        every=plan.config.sources.pubchem.every,
        code=code_of("sources.smiles_list"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow ingest-smiles --source pubchem --raw {input.raw:q} --molecules {output.molecules:q} \
            --rejects {output.rejects:q} --counts {output.counts:q} --processes {threads} \
            --every {params.every} {params.limit}
        """


rule ingest_alberts:
    input:
        raw=plan.raw("alberts"),
    output:
        molecules="<results>/tables/alberts/molecules.parquet",
        peaks="<results>/tables/alberts/peaks.parquet",
        vectors="<results>/tables/alberts/vectors.parquet",
        rejects="<results>/tables/alberts/rejects.parquet",
        counts="<results>/tables/alberts/counts.json",
    log:
        "<logs>/ingest_alberts.log",
    benchmark:
        "<benchmarks>/ingest_alberts.tsv"
    threads: plan.config.processes
    resources:
        mem_mb=grow(3000),
        runtime=grow(240),
    params:
        limit=option("--limit", plan.limit("alberts")),
        settings=plan.alberts_settings,
        code=code_of("sources.alberts"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow ingest-alberts --settings {params.settings:q} --raw {input.raw:q} \
            --molecules {output.molecules:q} --peaks {output.peaks:q} --vectors {output.vectors:q} \
            --rejects {output.rejects:q} --counts {output.counts:q} --processes {threads} {params.limit}
        """
