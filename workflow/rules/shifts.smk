# In: peaks, graphs and splits of nmrshiftdb2, and the SMILES library. Out: shift models with what they reach on their own.


rule select_shifts:
    input:
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        peaks="<results>/tables/nmrshiftdb2/peaks.parquet",
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
    output:
        labels="<results>/shifts/labels/labels.parquet",
        counts="<results>/shifts/labels/counts.json",
    log:
        "<logs>/select_shifts.log",
    benchmark:
        "<benchmarks>/select_shifts.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(30),
    params:
        code=code_of("methods.shifts.select"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow shifts select --molecules {input.molecules:q} --peaks {input.peaks:q} --graphs {input.graphs:q} \
            --out {output.labels:q} --counts {output.counts:q}
        """


rule select_external:
    input:
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        peaks="<results>/tables/nmrshiftdb2/peaks.parquet",
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        ids=plan.raw("km3aid_ids"),
    output:
        alignment="<results>/shifts/external/alignment.parquet",
        counts="<results>/shifts/external/counts.json",
    log:
        "<logs>/select_external.log",
    benchmark:
        "<benchmarks>/select_external.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(30),
    params:
        queries=plan.config.shifts.external_queries,
        code=code_of("methods.km3aid.select"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow km3aid select --molecules {input.molecules:q} --peaks {input.peaks:q} --graphs {input.graphs:q} \
            --ids {input.ids:q} --external {params.queries} --out {output.alignment:q} --counts {output.counts:q}
        """


rule train_shifts:
    input:
        labels="<results>/shifts/labels/labels.parquet",
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        alignment=plan.shifts.of_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        split=plan.shifts.of_run("<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet"),
        external="<results>/shifts/external/alignment.parquet",
        tracking=ancient("<results>/mlflow/initialised.json"),
    output:
        model="<results>/shifts/runs/{run}/model.safetensors",
        settings="<results>/shifts/runs/{run}/settings.json",
        history="<results>/shifts/runs/{run}/metrics.jsonl",
    log:
        "<logs>/train_shifts/{run}.log",
    benchmark:
        "<benchmarks>/train_shifts/{run}.tsv"
    retries: 1
    threads: 2
    resources:
        **plan.gpu_request,
        mem_mb=grow(4000),
        runtime=grow(720),
    params:
        settings=plan.shifts.run_settings,
        data_version=plan.data_version,
        code=code_of("methods.shifts.train"),
        folder=lambda wildcards, output: folder(output.model),
        checkpoints=lambda wildcards, output: checkpoints(output.model),
        uri=lambda wildcards, output: option("--uri", plan.tracking_uri),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow shifts train --settings {params.settings:q} --labels {input.labels:q} --graphs {input.graphs:q} \
            --alignment {input.alignment:q} --split {input.split:q} --external {input.external:q} \
            --out {params.folder:q} --checkpoints {params.checkpoints:q} \
            --data-version {params.data_version} {params.uri}
        """


rule label_shifts:
    output:
        label="<results>/shifts/runs/{run}/label.txt",
    log:
        "<logs>/label_shifts/{run}.log",
    localrule: True
    threads: 1
    params:
        label=plan.shifts.label,
    shell:
        "printf '%s\\n' {params.label:q} > {output.label:q} 2> {log:q}"


rule predict_shifts:
    input:
        model="<results>/shifts/runs/{run}/model.safetensors",
        graphs="<results>/features/{source}/graphs.parquet",
    output:
        predictions="<results>/shifts/predictions/{run}/{source}.parquet",
    log:
        "<logs>/predict_shifts/{run}-{source}.log",
    benchmark:
        "<benchmarks>/predict_shifts/{run}-{source}.tsv"
    threads: 2
    resources:
        mem_mb=grow(4000),
        runtime=grow(240),
    params:
        code=code_of("methods.shifts.prediction"),
        folder=lambda wildcards, input: folder(input.model),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow shifts predict --run {params.folder:q} --graphs {input.graphs:q} --out {output.predictions:q}
        """


rule evaluate_shifts:
    input:
        model="<results>/shifts/runs/{run}/model.safetensors",
        predictions="<results>/shifts/predictions/{run}/nmrshiftdb2.parquet",
        labels="<results>/shifts/labels/labels.parquet",
        alignment=plan.shifts.of_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        split=plan.shifts.of_run("<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet"),
        external="<results>/shifts/external/alignment.parquet",
    output:
        metrics="<results>/shifts/runs/{run}/metrics.json",
        assignments="<results>/shifts/runs/{run}/assignments.parquet",
    log:
        "<logs>/evaluate_shifts/{run}.log",
    benchmark:
        "<benchmarks>/evaluate_shifts/{run}.tsv"
    threads: 2
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        code=code_of("methods.shifts.evaluate"),
        folder=lambda wildcards, input: folder(input.model),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow shifts evaluate --run {params.folder:q} --predictions {input.predictions:q} \
            --labels {input.labels:q} --alignment {input.alignment:q} --graphs {input.graphs:q} \
            --split {input.split:q} --external {input.external:q} --metrics {output.metrics:q} --assignments {output.assignments:q}
        """


rule recognise_isomers_by_shifts:
    input:
        predictions="<results>/shifts/predictions/{run}/nmrshiftdb2.parquet",
        alignment=plan.shifts.of_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        split=plan.shifts.of_run("<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet"),
        published="resources/published.csv",
    output:
        scores="<results>/shifts/runs/{run}/isomer_scores.parquet",
        metrics="<results>/shifts/runs/{run}/isomers.json",
    log:
        "<logs>/recognise_isomers_by_shifts/{run}.log",
    benchmark:
        "<benchmarks>/recognise_isomers_by_shifts/{run}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        settings=plan.isomer_settings,
        code=code_of("methods.shifts.isomers"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow shifts isomers --settings {params.settings:q} --predictions {input.predictions:q} \
            --alignment {input.alignment:q} --graphs {input.graphs:q} --molecules {input.molecules:q} \
            --split {input.split:q} --published {input.published:q} --scores {output.scores:q} \
            --metrics {output.metrics:q}
        """


rule retrieve_by_shifts:
    input:
        predictions="<results>/shifts/predictions/{run}/nmrshiftdb2.parquet",
        library_predictions="<results>/shifts/predictions/{run}/pubchem.parquet",
        alignment=plan.shifts.of_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        split=plan.shifts.of_run("<results>/splits/km3aid/{selection}/{split}-fold{fold}.parquet"),
        library="<results>/tables/pubchem/molecules.parquet",
    output:
        ranks="<results>/shifts/runs/{run}/ranks.parquet",
        metrics="<results>/shifts/runs/{run}/retrieval.json",
    log:
        "<logs>/retrieve_by_shifts/{run}.log",
    benchmark:
        "<benchmarks>/retrieve_by_shifts/{run}.tsv"
    threads: 2
    resources:
        mem_mb=grow(6000),
        runtime=grow(240),
    params:
        settings=plan.retrieval_settings,
        code=code_of("methods.shifts.retrieve"),
        queries="",
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow shifts retrieve --settings {params.settings:q} --predictions {input.predictions:q} \
            --library-predictions {input.library_predictions:q} --alignment {input.alignment:q} \
            --graphs {input.graphs:q} --molecules {input.molecules:q} --split {input.split:q} \
            --library {input.library:q} {params.queries} --out {output.ranks:q} --metrics {output.metrics:q}
        """


use rule retrieve_by_shifts as retrieve_external_by_shifts with:
    input:
        **rules.retrieve_by_shifts.input,
        external="<results>/shifts/external/alignment.parquet",
    output:
        ranks="<results>/shifts/runs/{run}/ranks_external.parquet",
        metrics="<results>/shifts/runs/{run}/retrieval_external.json",
    log:
        "<logs>/retrieve_external_by_shifts/{run}.log",
    benchmark:
        "<benchmarks>/retrieve_external_by_shifts/{run}.tsv"
    params:
        settings=plan.retrieval_settings,
        code=code_of("methods.shifts.retrieve"),
        queries=lambda wildcards, input: option("--external", input.external),


use rule retrieve_by_shifts as retrieve_protons_by_shifts with:
    input:
        **rules.retrieve_by_shifts.input,
        labels="<results>/shifts/labels/labels.parquet",
    output:
        ranks="<results>/shifts/runs/{run}/ranks_protons.parquet",
        metrics="<results>/shifts/runs/{run}/retrieval_protons.json",
    log:
        "<logs>/retrieve_protons_by_shifts/{run}.log",
    benchmark:
        "<benchmarks>/retrieve_protons_by_shifts/{run}.tsv"
    params:
        settings=plan.retrieval_settings,
        code=code_of("methods.shifts.retrieve"),
        queries=lambda wildcards, input: option("--protons", input.labels),


rule rerank_by_shifts:
    input:
        candidates=plan.of_aligner("<results>/km3aid/runs/{run}/candidates.parquet"),
        fit_candidates=plan.of_aligner("<results>/km3aid/runs/{run}/candidates-val.parquet"),
        predictions="<results>/shifts/predictions/{run}/nmrshiftdb2.parquet",
        library_predictions="<results>/shifts/predictions/{run}/pubchem.parquet",
        alignment=plan.shifts.of_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
    output:
        reranked="<results>/shifts/runs/{run}/reranked.parquet",
        metrics="<results>/shifts/runs/{run}/reranking.json",
    log:
        "<logs>/rerank_by_shifts/{run}.log",
    benchmark:
        "<benchmarks>/rerank_by_shifts/{run}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        settings=plan.search_settings,
        code=code_of("methods.shifts.rerank"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow shifts rerank --settings {params.settings:q} --candidates {input.candidates:q} \
            --fit-candidates {input.fit_candidates:q} --predictions {input.predictions:q} \
            --library-predictions {input.library_predictions:q} --alignment {input.alignment:q} \
            --graphs {input.graphs:q} --out {output.reranked:q} --metrics {output.metrics:q}
        """


rule assign_by_second_spectra:
    input:
        alignment="<results>/km3aid/alignment/{selection}/alignment.parquet",
        graphs="<results>/features/nmrshiftdb2/graphs.parquet",
        peaks="<results>/tables/nmrshiftdb2/peaks.parquet",
    output:
        metrics="<results>/shifts/remeasured/{selection}.json",
    log:
        "<logs>/assign_by_second_spectra/{selection}.log",
    benchmark:
        "<benchmarks>/assign_by_second_spectra/{selection}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(30),
    params:
        code=code_of("methods.shifts.remeasured"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow shifts remeasured --alignment {input.alignment:q} --graphs {input.graphs:q} \
            --peaks {input.peaks:q} --metrics {output.metrics:q}
        """
