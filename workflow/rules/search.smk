# In: trained K-M3AID runs, held-out spectra and the SMILES library. Out: the embedded library, an index, whole-library search.


rule describe_library:
    input:
        molecules="<results>/tables/pubchem/molecules.parquet",
        graphs="<results>/features/pubchem/graphs.parquet",
    output:
        library="<results>/search/library.arrow",
        counts="<results>/search/library.json",
    log:
        "<logs>/describe_library.log",
    benchmark:
        "<benchmarks>/describe_library.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        code=code_of("search.library"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow search describe --molecules {input.molecules:q} --graphs {input.graphs:q} --out {output.library:q} \
            --counts {output.counts:q}
        """


rule embed_library:
    input:
        model="<results>/km3aid/runs/{run}/model.safetensors",
        settings="<results>/km3aid/runs/{run}/settings.json",
        graphs="<results>/features/pubchem/graphs.parquet",
    output:
        shard="<results>/km3aid/libraries/{run}/shard-{shard}.arrow",
    log:
        "<logs>/embed_library/{run}-{shard}.log",
    benchmark:
        "<benchmarks>/embed_library/{run}-{shard}.tsv"
    threads: 1
    resources:
        mem_mb=grow(3000),
        runtime=grow(240),
    params:
        shards=plan.config.search.shards,
        code=code_of("methods.km3aid.library"),
        folder=lambda wildcards, input: folder(input.model),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow km3aid embed-library --run {params.folder:q} --graphs {input.graphs:q} --out {output.shard:q} \
            --shard {wildcards.shard} --shards {params.shards}
        """


rule train_index:
    input:
        library="<results>/search/library.arrow",
        shards=plan.of_shards("<results>/km3aid/libraries/{run}/shard-{shard}.arrow"),
    output:
        trained="<results>/km3aid/libraries/{run}/trained.faiss",
    log:
        "<logs>/train_index/{run}.log",
    benchmark:
        "<benchmarks>/train_index/{run}.tsv"
    threads: 2
    resources:
        mem_mb=grow(3000),
        runtime=grow(60),
    params:
        settings=plan.index_settings,
        shards=lambda wildcards, input: repeat("--shard", input.shards),
        code=code_of("search.index"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow search train-index --settings {params.settings:q} --library {input.library:q} {params.shards} \
            --out {output.trained:q}
        """


rule index_shard:
    input:
        trained="<results>/km3aid/libraries/{run}/trained.faiss",
        library="<results>/search/library.arrow",
        shard="<results>/km3aid/libraries/{run}/shard-{shard}.arrow",
    output:
        index="<results>/km3aid/libraries/{run}/shard-{shard}.faiss",
    log:
        "<logs>/index_shard/{run}-{shard}.log",
    benchmark:
        "<benchmarks>/index_shard/{run}-{shard}.tsv"
    threads: 1
    resources:
        mem_mb=grow(3000),
        runtime=grow(60),
    params:
        code=code_of("search.index"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow search index-shard --trained {input.trained:q} --library {input.library:q} --shard {input.shard:q} \
            --out {output.index:q}
        """


rule embed_held_out:
    input:
        model="<results>/km3aid/runs/{run}/model.safetensors",
        settings="<results>/km3aid/runs/{run}/settings.json",
        alignment=plan.of_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        split=plan.of_run("<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet"),
    output:
        queries="<results>/km3aid/runs/{run}/queries-{part}.parquet",
    log:
        "<logs>/embed_held_out/{run}-{part}.log",
    benchmark:
        "<benchmarks>/embed_held_out/{run}-{part}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(30),
    params:
        limit=plan.config.search.queries,
        seed=plan.config.search.seed,
        code=code_of("methods.km3aid.queries"),
        folder=lambda wildcards, input: folder(input.model),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow km3aid embed-held-out --run {params.folder:q} --alignment {input.alignment:q} \
            --graphs {input.graphs:q} --molecules {input.molecules:q} --split {input.split:q} \
            --out {output.queries:q} --limit {params.limit} --seed {params.seed} --part {wildcards.part}
        """


rule search_library:
    input:
        queries="<results>/km3aid/runs/{run}/queries-test.parquet",
        library="<results>/search/library.arrow",
        shards=plan.of_shards("<results>/km3aid/libraries/{run}/shard-{shard}.arrow"),
        indexes=plan.of_shards("<results>/km3aid/libraries/{run}/shard-{shard}.faiss"),
    output:
        candidates="<results>/km3aid/runs/{run}/candidates.parquet",
        ranks="<results>/km3aid/runs/{run}/search_ranks.parquet",
        metrics="<results>/km3aid/runs/{run}/search.json",
    log:
        "<logs>/search_library/{run}.log",
    benchmark:
        "<benchmarks>/search_library/{run}.tsv"
    threads: 2
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        settings=plan.search_settings,
        shards=lambda wildcards, input: repeat("--shard", input.shards),
        indexes=lambda wildcards, input: repeat("--index", input.indexes),
        code=code_of("search.evaluate"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow search evaluate --settings {params.settings:q} --queries {input.queries:q} \
            --library {input.library:q} {params.shards} {params.indexes} --candidates {output.candidates:q} \
            --ranks {output.ranks:q} --metrics {output.metrics:q}
        """


rule search_with_validation:
    input:
        queries="<results>/km3aid/runs/{run}/queries-val.parquet",
        library="<results>/search/library.arrow",
        shards=plan.of_shards("<results>/km3aid/libraries/{run}/shard-{shard}.arrow"),
    output:
        candidates="<results>/km3aid/runs/{run}/candidates-val.parquet",
    log:
        "<logs>/search_with_validation/{run}.log",
    benchmark:
        "<benchmarks>/search_with_validation/{run}.tsv"
    threads: 2
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        k=plan.config.search.candidates,
        shards=lambda wildcards, input: repeat("--shard", input.shards),
        code=code_of("search.run"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow search exact --queries {input.queries:q} --library {input.library:q} {params.shards} \
            --k {params.k} --out {output.candidates:q}
        """
