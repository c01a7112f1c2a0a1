# In: MassBank records, a local SDBS export, tables of nmrshiftdb2. Out: data sets of several experimental spectra a
# molecule, as tables and as vectors. SDBS is never retrieved: in published mode only a user's own export is read.


rule ingest_massbank:
    input:
        raw=plan.raw("massbank"),
    output:
        molecules="<results>/tables/massbank/molecules.parquet",
        peaks="<results>/tables/massbank/peaks.parquet",
        records="<results>/tables/massbank/records.parquet",
        rejects="<results>/tables/massbank/rejects.parquet",
        counts="<results>/tables/massbank/counts.json",
    log:
        "<logs>/ingest_massbank.log",
    benchmark:
        "<benchmarks>/ingest_massbank.tsv"
    threads: plan.config.processes
    resources:
        mem_mb=grow(2000),
        runtime=grow(30),
    params:
        limit=option("--limit", plan.limit("massbank")),
        origin=plan.origin,
        code=code_of("sources.massbank"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow ingest-massbank --raw {input.raw:q} --molecules {output.molecules:q} --peaks {output.peaks:q} \
            --records {output.records:q} --rejects {output.rejects:q} --counts {output.counts:q} \
            --origin {params.origin} --processes {threads} {params.limit}
        """


rule ingest_sdbs:
    input:
        files=plan.sdbs_files,
    output:
        molecules="<results>/tables/sdbs/molecules.parquet",
        peaks="<results>/tables/sdbs/peaks.parquet",
        profiles="<results>/tables/sdbs/profiles.parquet",
        rejects="<results>/tables/sdbs/rejects.parquet",
        counts="<results>/tables/sdbs/counts.json",
    log:
        "<logs>/ingest_sdbs.log",
    benchmark:
        "<benchmarks>/ingest_sdbs.tsv"
    threads: plan.config.processes
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        export=lambda wildcards, input: folder(input.files[0]),
        limit=option("--limit", plan.limit("sdbs")),
        origin=plan.origin,
        code=code_of("sources.sdbs"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow ingest-sdbs --export {params.export:q} --molecules {output.molecules:q} --peaks {output.peaks:q} \
            --profiles {output.profiles:q} --rejects {output.rejects:q} --counts {output.counts:q} \
            --origin {params.origin} --processes {threads} {params.limit}
        """


rule join_open_experimental:
    input:
        massbank=expand("<results>/tables/massbank/{table}.parquet", table=["molecules", "peaks", "records"]),
        nmrshiftdb2=expand("<results>/tables/nmrshiftdb2/{table}.parquet", table=["molecules", "peaks"]),
    output:
        molecules="<results>/tables/open_exp/molecules.parquet",
        peaks="<results>/tables/open_exp/peaks.parquet",
        sources="<results>/tables/open_exp/sources.parquet",
        rejects="<results>/tables/open_exp/rejects.parquet",
        counts="<results>/tables/open_exp/counts.json",
    log:
        "<logs>/join_open_experimental.log",
    benchmark:
        "<benchmarks>/join_open_experimental.tsv"
    threads: 1
    resources:
        mem_mb=grow(3000),
        runtime=grow(30),
    params:
        massbank=lambda wildcards, input: folder(input.massbank[0]),
        nmrshiftdb2=lambda wildcards, input: folder(input.nmrshiftdb2[0]),
        folder=lambda wildcards, output: folder(output.molecules),
        energy=plan.config.symspectra.vectors.ei_energy,
        code=code_of("sources.open_experimental"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow join-open-experimental --massbank {params.massbank:q} --nmrshiftdb2 {params.nmrshiftdb2:q} \
            --out {params.folder:q} --ei-energy {params.energy}
        """


rule render_vectors:
    input:
        molecules="<results>/tables/{experimental}/molecules.parquet",
        peaks="<results>/tables/{experimental}/peaks.parquet",
        profiles=branch(
            lambda wildcards: wildcards.experimental == "sdbs",
            then="<results>/tables/{experimental}/profiles.parquet",
            otherwise=[],
        ),
    output:
        vectors="<results>/tables/{experimental}/vectors.parquet",
        counts="<results>/tables/{experimental}/vectors.json",
    log:
        "<logs>/render_vectors/{experimental}.log",
    benchmark:
        "<benchmarks>/render_vectors/{experimental}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        profiles=lambda wildcards, input: option("--profiles", input.profiles),
        sigma=plan.config.symspectra.vectors.mass_sigma,
        code=code_of("spectra.peak_vectors"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow render-vectors --molecules {input.molecules:q} --peaks {input.peaks:q} --out {output.vectors:q} \
            --counts {output.counts:q} --mass-sigma {params.sigma} {params.profiles}
        """
