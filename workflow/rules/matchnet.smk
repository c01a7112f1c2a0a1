# In: tables of nmrshiftdb2, of simulated spectra, of the MatCS lists or the SMILES library with predicted shifts. Out: pairs
# of spectra and molecules, rendered spectra, cached features, matching models with predictions, metrics and weights.


rule ingest_matcs:
    input:
        raw=plan.matcs_files,
    output:
        molecules="<results>/tables/matcs/molecules.parquet",
        listed="<results>/tables/matcs/listed_pairs.parquet",
        split="<results>/tables/matcs/split.parquet",
        rejects="<results>/tables/matcs/rejects.parquet",
        counts="<results>/tables/matcs/counts.json",
    log:
        "<logs>/ingest_matcs.log",
    benchmark:
        "<benchmarks>/ingest_matcs.tsv"
    threads: plan.config.processes
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        folder=lambda wildcards, input: folder(input.raw[0]),
        limit=option("--limit", plan.limit("matcs")),
        code=code_of("sources.matcs"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow ingest-matcs --folder {params.folder:q} --molecules {output.molecules:q} --listed {output.listed:q} \
            --split {output.split:q} --rejects {output.rejects:q} --counts {output.counts:q} \
            --processes {threads} {params.limit}
        """


rule select_matching_spectra:
    input:
        molecules=plan.matchnet.molecules,
        peaks=plan.matchnet.peaks,
        predictions=plan.matchnet.predictions,
    output:
        spectra="<results>/matchnet/spectra/{paired}/spectra.parquet",
        rejects="<results>/matchnet/spectra/{paired}/rejects.parquet",
        counts="<results>/matchnet/spectra/{paired}/counts.json",
    log:
        "<logs>/select_matching_spectra/{paired}.log",
    benchmark:
        "<benchmarks>/select_matching_spectra/{paired}.tsv"
    threads: 1
    resources:
        mem_mb=grow(8000),
        runtime=grow(120),
    params:
        settings=plan.matchnet.selection_settings,
        peaks=lambda wildcards, input: option("--peaks", input.peaks),
        predictions=lambda wildcards, input: options(("--predictions", "--graphs", "--accuracy"), input.predictions),
        code=code_of("methods.matchnet.selection"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow matchnet select --settings {params.settings:q} --molecules {input.molecules:q} \
            --out {output.spectra:q} --rejects {output.rejects:q} --counts {output.counts:q} \
            {params.peaks} {params.predictions}
        """


rule split_matching_spectra:
    input:
        molecules=plan.matchnet.molecules,
        spectra="<results>/matchnet/spectra/{paired}/spectra.parquet",
        given=plan.matchnet.given_parts,
    output:
        split="<results>/splits/matchnet/{paired}/{split}-fold{fold}.parquet",
        audit="<results>/splits/matchnet/{paired}/{split}-fold{fold}.audit.json",
    log:
        "<logs>/split_matching_spectra/{paired}/{split}-fold{fold}.log",
    benchmark:
        "<benchmarks>/split_matching_spectra/{paired}/{split}-fold{fold}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        settings=plan.matchnet.split_settings,
        given=lambda wildcards, input: option("--given", input.given),
        code=code_of("splits.assign"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow split --settings {params.settings:q} --molecules {input.molecules:q} --subset {input.spectra:q} \
            --fold {wildcards.fold} --out {output.split:q} --audit {output.audit:q} {params.given}
        """


rule render_spectra:
    input:
        spectra="<results>/matchnet/spectra/{paired}/spectra.parquet",
        arrays=plan.matchnet.raw_arrays,
    output:
        rendered="<results>/matchnet/rendered/{paired}/{rendering}.parquet",
        counts="<results>/matchnet/rendered/{paired}/{rendering}.json",
    log:
        "<logs>/render_spectra/{paired}-{rendering}.log",
    benchmark:
        "<benchmarks>/render_spectra/{paired}-{rendering}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        settings=plan.matchnet.rendering_settings,
        arrays=lambda wildcards, input: option("--arrays", input.arrays),
        code=code_of("methods.matchnet.render"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow matchnet render --settings {params.settings:q} --spectra {input.spectra:q} \
            --out {output.rendered:q} --counts {output.counts:q} {params.arrays}
        """


rule pair_spectra:
    input:
        spectra="<results>/matchnet/spectra/{paired}/spectra.parquet",
        rendered=plan.matchnet.standard_rendering,
        split="<results>/splits/matchnet/{paired}/{split}-fold{fold}.parquet",
        listed=plan.matchnet.listed_pairs,
    output:
        pairs="<results>/matchnet/pairs/{paired}/{split}-fold{fold}.parquet",
        counts="<results>/matchnet/pairs/{paired}/{split}-fold{fold}.json",
    log:
        "<logs>/pair_spectra/{paired}/{split}-fold{fold}.log",
    benchmark:
        "<benchmarks>/pair_spectra/{paired}/{split}-fold{fold}.tsv"
    threads: 2
    resources:
        mem_mb=grow(6000),
        runtime=grow(240),
    params:
        settings=plan.matchnet.pair_settings,
        listed=lambda wildcards, input: option("--listed", input.listed),
        code=code_of("methods.matchnet.pairs"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow matchnet pair --settings {params.settings:q} --spectra {input.spectra:q} \
            --rendered {input.rendered:q} --split {input.split:q} --out {output.pairs:q} --counts {output.counts:q} \
            {params.listed}
        """


rule cache_features:
    input:
        rendered=plan.matchnet.of_features("<results>/matchnet/rendered/{paired}/{rendering}.parquet"),
        split=plan.matchnet.of_features("<results>/splits/matchnet/{paired}/{split}-fold{fold}.parquet"),
        weights=plan.matchnet.backbone_weights,
    output:
        proton="<results>/matchnet/features/{features}/proton.npy",
        carbon="<results>/matchnet/features/{features}/carbon.npy",
        index="<results>/matchnet/features/{features}/index.parquet",
        description="<results>/matchnet/features/{features}/features.json",
        extractor="<results>/matchnet/features/{features}/extractor.safetensors",
    log:
        "<logs>/cache_features/{features}.log",
    benchmark:
        "<benchmarks>/cache_features/{features}.tsv"
    retries: 1
    threads: 2
    resources:
        **plan.gpu_request,
        mem_mb=grow(8000),
        runtime=grow(1440),
    params:
        settings=plan.matchnet.feature_settings,
        code=code_of("methods.matchnet.features"),
        folder=lambda wildcards, output: folder(output.index),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow matchnet cache-features --settings {params.settings:q} --rendered {input.rendered:q} \
            --split {input.split:q} --out {params.folder:q}
        """


rule score_pairs:
    input:
        model=plan.matchnet.scoring_model,
        spectra=plan.matchnet.of_run("<results>/matchnet/spectra/{paired}/spectra.parquet"),
        pairs=plan.matchnet.of_run("<results>/matchnet/pairs/{paired}/{split}-fold{fold}.parquet"),
    output:
        scores="<results>/matchnet/scores/{run}.parquet",
    log:
        "<logs>/score_pairs/{run}.log",
    benchmark:
        "<benchmarks>/score_pairs/{run}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        command=lambda wildcards, input: plan.matchnet.score_command(wildcards, input.model),
        code=code_of("methods.shifts.score_pairs") + code_of("methods.km3aid.score_pairs"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow {params.command} --spectra {input.spectra:q} --pairs {input.pairs:q} --out {output.scores:q}
        """


rule train_matchnet:
    input:
        spectra=plan.matchnet.of_run("<results>/matchnet/spectra/{paired}/spectra.parquet"),
        rendered=plan.matchnet.of_run("<results>/matchnet/rendered/{paired}/{rendering}.parquet"),
        pairs=plan.matchnet.of_run("<results>/matchnet/pairs/{paired}/{split}-fold{fold}.parquet"),
        features=plan.matchnet.feature_files,
        scores=plan.matchnet.scores,
        transfer=plan.matchnet.transfer,
        tracking=ancient("<results>/mlflow/initialised.json"),
    output:
        model="<results>/matchnet/runs/{run}/model.safetensors",
        settings="<results>/matchnet/runs/{run}/settings.json",
        history="<results>/matchnet/runs/{run}/metrics.jsonl",
        metrics="<results>/matchnet/runs/{run}/metrics.json",
        predictions="<results>/matchnet/runs/{run}/predictions.parquet",
    log:
        "<logs>/train_matchnet/{run}.log",
    benchmark:
        "<benchmarks>/train_matchnet/{run}.tsv"
    retries: 1
    threads: 1
    resources:
        **plan.gpu_request,
        mem_mb=grow(8000),
        runtime=grow(1440),
    params:
        settings=plan.matchnet.run_settings,
        data_version=plan.matchnet.data_version,
        features=lambda wildcards, input: option("--features", folder(input.features[0]) if input.features else None),
        scores=lambda wildcards, input: option("--scores", input.scores),
        transfer=lambda wildcards, input: repeat("--transfer", input.transfer),
        code=code_of("methods.matchnet.train"),
        folder=lambda wildcards, output: folder(output.model),
        checkpoints=lambda wildcards, output: checkpoints(output.model),
        uri=lambda wildcards, output: option("--uri", plan.tracking_uri),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow matchnet train --settings {params.settings:q} --spectra {input.spectra:q} \
            --rendered {input.rendered:q} --pairs {input.pairs:q} --out {params.folder:q} \
            --checkpoints {params.checkpoints:q} --data-version {params.data_version} {params.uri} \
            {params.features} {params.scores} {params.transfer}
        """


rule label_matchnet:
    output:
        label="<results>/matchnet/runs/{run}/label.txt",
    log:
        "<logs>/label_matchnet/{run}.log",
    localrule: True
    threads: 1
    params:
        label=plan.matchnet.label,
    shell:
        "printf '%s\\n' {params.label:q} > {output.label:q} 2> {log:q}"


rule examine_matchnet:
    input:
        model="<results>/matchnet/runs/{run}/model.safetensors",
        spectra=plan.matchnet.of_run("<results>/matchnet/spectra/{paired}/spectra.parquet"),
        rendered=plan.matchnet.of_run("<results>/matchnet/rendered/{paired}/{rendering}.parquet"),
        pairs=plan.matchnet.of_run("<results>/matchnet/pairs/{paired}/{split}-fold{fold}.parquet"),
        features=plan.matchnet.feature_files,
    output:
        examination="<results>/matchnet/runs/{run}/examination.json",
        positions="<results>/matchnet/runs/{run}/map.parquet",
    log:
        "<logs>/examine_matchnet/{run}.log",
    benchmark:
        "<benchmarks>/examine_matchnet/{run}.tsv"
    threads: 1
    resources:
        mem_mb=grow(8000),
        runtime=grow(240),
    params:
        settings=plan.matchnet.examination_settings,
        features=lambda wildcards, input: option("--features", folder(input.features[0]) if input.features else None),
        code=code_of("methods.matchnet.examine"),
        folder=lambda wildcards, input: folder(input.model),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow matchnet examine --settings {params.settings:q} --run {params.folder:q} \
            --spectra {input.spectra:q} --rendered {input.rendered:q} --pairs {input.pairs:q} \
            --out {output.examination:q} --positions {output.positions:q} {params.features}
        """
