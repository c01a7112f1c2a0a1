# In: tables and graphs of nmrshiftdb2, and the SMILES library. Out: K-M3AID runs with predictions, metrics and weights.


rule select_km3aid:
    input:
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        peaks="<results>/tables/nmrshiftdb2/peaks.parquet",
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        ids=plan.published_ids,
    output:
        alignment="<results>/km3aid/alignment/{selection}/alignment.parquet",
        counts="<results>/km3aid/alignment/{selection}/counts.json",
    log:
        "<logs>/select_km3aid/{selection}.log",
    benchmark:
        "<benchmarks>/select_km3aid/{selection}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(30),
    params:
        ids=lambda wildcards, input: option("--ids", input.ids),
        computed=lambda wildcards: "--computed-spectra" if wildcards.selection.endswith("-computed") else "",
        code=code_of("methods.km3aid.select"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow km3aid select --molecules {input.molecules:q} --peaks {input.peaks:q} --graphs {input.graphs:q} \
            --out {output.alignment:q} --counts {output.counts:q} {params.ids} {params.computed}
        """


rule split_km3aid:
    input:
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        subset="<results>/km3aid/alignment/{selection}/alignment.parquet",
        labels="<results>/features/nmrshiftdb2/labels.parquet",
        ids=plan.published_ids,
    output:
        split="<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet",
        audit="<results>/splits/km3aid/{selection}/{split}-fold{fold}.audit.json",
    log:
        "<logs>/split_km3aid/{selection}/{split}-fold{fold}.log",
    benchmark:
        "<benchmarks>/split_km3aid/{selection}/{split}-fold{fold}.tsv"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(30),
    params:
        settings=plan.split_settings,
        ids=lambda wildcards, input: option("--ids", input.ids),
        code=code_of("splits.assign"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow split --settings {params.settings:q} --molecules {input.molecules:q} --subset {input.subset:q} \
            --labels {input.labels:q} --fold {wildcards.fold} --out {output.split:q} --audit {output.audit:q} {params.ids}
        """


rule pretrain_spectrum_encoder:
    input:
        alignment=plan.of_encoder("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        split=plan.of_encoder("<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet"),
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        weights=plan.weights,
        tracking=ancient("<results>/mlflow/initialised.json"),
    output:
        model="<results>/km3aid/spectrum_encoders/{encoder}/model.safetensors",
        settings="<results>/km3aid/spectrum_encoders/{encoder}/settings.json",
        history="<results>/km3aid/spectrum_encoders/{encoder}/metrics.jsonl",
        metrics="<results>/km3aid/spectrum_encoders/{encoder}/metrics.json",
    log:
        "<logs>/pretrain_spectrum_encoder/{encoder}.log",
    benchmark:
        "<benchmarks>/pretrain_spectrum_encoder/{encoder}.tsv"
    retries: 1
    threads: 2
    resources:
        **plan.gpu_request,
        mem_mb=grow(4000),
        runtime=grow(720),
    params:
        settings=plan.encoder_settings,
        data_version=plan.data_version,
        code=code_of("methods.km3aid.spectrum_pretraining"),
        folder=lambda wildcards, output: folder(output.model),
        checkpoints=lambda wildcards, output: checkpoints(output.model),
        uri=lambda wildcards, output: option("--uri", plan.tracking_uri),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow km3aid pretrain-spectrum --settings {params.settings:q} --alignment {input.alignment:q} \
            --graphs {input.graphs:q} --split {input.split:q} --molecules {input.molecules:q} \
            --out {params.folder:q} --checkpoints {params.checkpoints:q} \
            --data-version {params.data_version} {params.uri}
        """


rule train_km3aid:
    input:
        alignment=plan.of_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        split=plan.of_run("<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet"),
        encoder=plan.of_run("<results>/km3aid/spectrum_encoders/{encoder}/model.safetensors"),
        tracking=ancient("<results>/mlflow/initialised.json"),
    output:
        model="<results>/km3aid/runs/{run}/model.safetensors",
        settings="<results>/km3aid/runs/{run}/settings.json",
        history="<results>/km3aid/runs/{run}/metrics.jsonl",
        metrics="<results>/km3aid/runs/{run}/metrics.json",
        assignments="<results>/km3aid/runs/{run}/assignments.parquet",
    log:
        "<logs>/train_km3aid/{run}.log",
    benchmark:
        "<benchmarks>/train_km3aid/{run}.tsv"
    retries: 1
    threads: 2
    resources:
        **plan.gpu_request,
        mem_mb=grow(6000),
        runtime=grow(1440),
    params:
        settings=plan.run_settings,
        data_version=plan.data_version,
        code=code_of("methods.km3aid.train"),
        folder=lambda wildcards, output: folder(output.model),
        checkpoints=lambda wildcards, output: checkpoints(output.model),
        uri=lambda wildcards, output: option("--uri", plan.tracking_uri),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow km3aid train --settings {params.settings:q} --alignment {input.alignment:q} \
            --graphs {input.graphs:q} --split {input.split:q} --spectrum-encoder {input.encoder:q} \
            --out {params.folder:q} --checkpoints {params.checkpoints:q} \
            --data-version {params.data_version} {params.uri}
        """


rule label_run:
    output:
        label="<results>/km3aid/runs/{run}/label.txt",
    log:
        "<logs>/label_run/{run}.log",
    localrule: True
    threads: 1
    params:
        label=plan.label,
    shell:
        "printf '%s\\n' {params.label:q} > {output.label:q} 2> {log:q}"


rule retrieve_molecules:
    input:
        model="<results>/km3aid/runs/{run}/model.safetensors",
        settings="<results>/km3aid/runs/{run}/settings.json",
        alignment=plan.of_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        split=plan.of_run("<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet"),
        library="<results>/tables/pubchem/molecules.parquet",
        shards=plan.of_shards("<results>/km3aid/libraries/{run}/shard-{shard}.arrow"),
    output:
        ranks="<results>/km3aid/runs/{run}/ranks.parquet",
        metrics="<results>/km3aid/runs/{run}/retrieval.json",
    log:
        "<logs>/retrieve_molecules/{run}.log",
    benchmark:
        "<benchmarks>/retrieve_molecules/{run}.tsv"
    threads: 2
    resources:
        mem_mb=grow(6000),
        runtime=grow(120),
    params:
        settings=plan.retrieval_settings,
        shards=lambda wildcards, input: repeat("--shard", input.shards),
        code=code_of("methods.km3aid.retrieve"),
        folder=lambda wildcards, input: folder(input.model),
        queries="",
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow km3aid retrieve --settings {params.settings:q} --run {params.folder:q} \
            --alignment {input.alignment:q} --graphs {input.graphs:q} --molecules {input.molecules:q} \
            --split {input.split:q} --library {input.library:q} {params.shards} {params.queries} \
            --out {output.ranks:q} --metrics {output.metrics:q}
        """


use rule retrieve_molecules as retrieve_external with:
    input:
        **rules.retrieve_molecules.input,
        external="<results>/shifts/external/alignment.parquet",
    output:
        ranks="<results>/km3aid/runs/{run}/ranks_external.parquet",
        metrics="<results>/km3aid/runs/{run}/retrieval_external.json",
    log:
        "<logs>/retrieve_external/{run}.log",
    benchmark:
        "<benchmarks>/retrieve_external/{run}.tsv"
    params:
        settings=plan.retrieval_settings,
        shards=lambda wildcards, input: repeat("--shard", input.shards),
        code=code_of("methods.km3aid.retrieve"),
        folder=lambda wildcards, input: folder(input.model),
        queries=lambda wildcards, input: option("--external", input.external),


rule recognise_isomers:
    input:
        model="<results>/km3aid/runs/{run}/model.safetensors",
        settings="<results>/km3aid/runs/{run}/settings.json",
        alignment=plan.of_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        split=plan.of_run("<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet"),
        published="resources/published.csv",
    output:
        scores="<results>/km3aid/runs/{run}/isomer_scores.parquet",
        metrics="<results>/km3aid/runs/{run}/isomers.json",
    log:
        "<logs>/recognise_isomers/{run}.log",
    benchmark:
        "<benchmarks>/recognise_isomers/{run}.tsv"
    threads: 2
    resources:
        mem_mb=grow(6000),
        runtime=grow(60),
    params:
        settings=plan.isomer_settings,
        code=code_of("methods.km3aid.isomers"),
        folder=lambda wildcards, input: folder(input.model),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow km3aid isomers --settings {params.settings:q} --run {params.folder:q} \
            --alignment {input.alignment:q} --graphs {input.graphs:q} --molecules {input.molecules:q} \
            --split {input.split:q} --published {input.published:q} --scores {output.scores:q} \
            --metrics {output.metrics:q}
        """


rule pool_isomers:
    input:
        scores=plan.of_experiment("<results>/km3aid/runs/{run}/isomer_scores.parquet"),
        published="resources/published.csv",
    output:
        metrics="<results>/km3aid/isomers/{experiment}.json",
    log:
        "<logs>/pool_isomers/{experiment}.log",
    benchmark:
        "<benchmarks>/pool_isomers/{experiment}.tsv"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(30),
    params:
        settings=plan.isomer_settings,
        scores=lambda wildcards, input: repeat("--scores", input.scores),
        code=code_of("retrieval.isomers"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow pool-isomers --settings {params.settings:q} --published {input.published:q} {params.scores} \
            --metrics {output.metrics:q}
        """
