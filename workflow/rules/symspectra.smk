# In: vectors, labels and splits of data sets with several spectra a molecule. Out: models of functional groups with
# predictions, metrics and weights, and what SymSpectra does inside.


rule split_spectra:
    input:
        molecules="<results>/tables/{dataset}/molecules.parquet",
        labels="<results>/features/{dataset}/labels.parquet",
    output:
        split="<results>/splits/symspectra/{dataset}/{split}-fold{fold}.parquet",
        audit="<results>/splits/symspectra/{dataset}/{split}-fold{fold}.audit.json",
    log:
        "<logs>/split_spectra/{dataset}/{split}-fold{fold}.log",
    benchmark:
        "<benchmarks>/split_spectra/{dataset}/{split}-fold{fold}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(120),
    params:
        settings=plan.split_settings,
        code=code_of("splits.assign"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow split --settings {params.settings:q} --molecules {input.molecules:q} --labels {input.labels:q} \
            --fold {wildcards.fold} --out {output.split:q} --audit {output.audit:q}
        """


rule train_symspectra:
    input:
        vectors=plan.symspectra.of_run("<results>/tables/{dataset}/vectors.parquet"),
        labels=plan.symspectra.of_run("<results>/features/{dataset}/labels.parquet"),
        split=plan.symspectra.of_run("<results>/splits/symspectra/{dataset}/{split}-fold{fold}.parquet"),
        peaks=plan.symspectra.peaks,
        tracking=ancient("<results>/mlflow/initialised.json"),
    output:
        model="<results>/symspectra/runs/{run}/model.safetensors",
        settings="<results>/symspectra/runs/{run}/settings.json",
        history="<results>/symspectra/runs/{run}/metrics.jsonl",
        metrics="<results>/symspectra/runs/{run}/metrics.json",
        predictions="<results>/symspectra/runs/{run}/predictions.parquet",
    log:
        "<logs>/train_symspectra/{run}.log",
    benchmark:
        "<benchmarks>/train_symspectra/{run}.tsv"
    retries: 1
    threads: 1
    resources:
        **plan.gpu_request,
        mem_mb=grow(8000),
        runtime=grow(1440),
    params:
        settings=plan.symspectra.run_settings,
        data_version=plan.symspectra.data_version,
        peaks=lambda wildcards, input: option("--peaks", input.peaks),
        code=code_of("methods.symspectra.train"),
        folder=lambda wildcards, output: folder(output.model),
        checkpoints=lambda wildcards, output: checkpoints(output.model),
        uri=lambda wildcards, output: option("--uri", plan.tracking_uri),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow symspectra train --settings {params.settings:q} --vectors {input.vectors:q} \
            --labels {input.labels:q} --split {input.split:q} {params.peaks} --out {params.folder:q} \
            --checkpoints {params.checkpoints:q} --data-version {params.data_version} {params.uri}
        """


rule label_symspectra:
    output:
        label="<results>/symspectra/runs/{run}/label.txt",
    log:
        "<logs>/label_symspectra/{run}.log",
    localrule: True
    threads: 1
    params:
        label=plan.symspectra.label,
    shell:
        "printf '%s\\n' {params.label:q} > {output.label:q} 2> {log:q}"


rule examine_symspectra:
    input:
        model="<results>/symspectra/runs/{run}/model.safetensors",
        vectors=plan.symspectra.of_run("<results>/tables/{dataset}/vectors.parquet"),
        labels=plan.symspectra.of_run("<results>/features/{dataset}/labels.parquet"),
        split=plan.symspectra.of_run("<results>/splits/symspectra/{dataset}/{split}-fold{fold}.parquet"),
    output:
        examination="<results>/symspectra/runs/{run}/examination.json",
    log:
        "<logs>/examine_symspectra/{run}.log",
    benchmark:
        "<benchmarks>/examine_symspectra/{run}.tsv"
    threads: 1
    resources:
        mem_mb=grow(8000),
        runtime=grow(120),
    params:
        code=code_of("methods.symspectra.examine"),
        folder=lambda wildcards, input: folder(input.model),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow symspectra examine --run {params.folder:q} --vectors {input.vectors:q} --labels {input.labels:q} \
            --split {input.split:q} --out {output.examination:q}
        """


rule map_scaffolds:
    input:
        molecules="<results>/tables/{dataset}/molecules.parquet",
        split="<results>/splits/symspectra/{dataset}/{split}-fold{fold}.parquet",
    output:
        positions="<results>/splits/symspectra/{dataset}/{split}-fold{fold}.map.parquet",
    log:
        "<logs>/map_scaffolds/{dataset}/{split}-fold{fold}.log",
    benchmark:
        "<benchmarks>/map_scaffolds/{dataset}/{split}-fold{fold}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        code=code_of("methods.symspectra.scaffold_map"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow symspectra draw-split --molecules {input.molecules:q} --split {input.split:q} \
            --out {output.positions:q}
        """
