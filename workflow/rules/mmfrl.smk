# In: MoleculeNet files, nmrshiftdb2's tables. Out: tasks with their splits, pre-trained encoders, models of the tasks with
# predictions, metrics and weights, and what some of them do inside.


rule load_task:
    input:
        raw=plan.mmfrl.raw,
    output:
        molecules="<results>/tables/moleculenet/{task}-{cleaning}.parquet",
        rejects="<results>/tables/moleculenet/{task}-{cleaning}.rejects.parquet",
        counts="<results>/tables/moleculenet/{task}-{cleaning}.counts.json",
    log:
        "<logs>/load_task/{task}-{cleaning}.log",
    benchmark:
        "<benchmarks>/load_task/{task}-{cleaning}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        code=code_of("sources.moleculenet"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow mmfrl load-task --task {wildcards.task} --raw {input.raw:q} --cleaning {wildcards.cleaning} \
            --molecules {output.molecules:q} --rejects {output.rejects:q} --counts {output.counts:q}
        """


rule split_task:
    input:
        properties="<results>/tables/moleculenet/{task}-{cleaning}.parquet",
    output:
        split="<results>/splits/moleculenet/{task}-{cleaning}/{protocol}-{seed}.parquet",
        audit="<results>/splits/moleculenet/{task}-{cleaning}/{protocol}-{seed}.audit.json",
    log:
        "<logs>/split_task/{task}-{cleaning}/{protocol}-{seed}.log",
    benchmark:
        "<benchmarks>/split_task/{task}-{cleaning}/{protocol}-{seed}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        code=code_of("splits.property_folds"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow mmfrl split-task --properties {input.properties:q} --protocol {wildcards.protocol} \
            --seed {wildcards.seed} --out {output.split:q} --audit {output.audit:q}
        """


rule select_pretraining:
    input:
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        peaks="<results>/tables/nmrshiftdb2/peaks.parquet",
        properties=plan.mmfrl.pretraining_tasks("<results>/tables/moleculenet/{task}-paper.parquet"),
    output:
        molecules="<results>/mmfrl/pretraining/{dedupe}.parquet",
        overlap="<results>/mmfrl/pretraining/{dedupe}.overlap.json",
    log:
        "<logs>/select_pretraining/{dedupe}.log",
    benchmark:
        "<benchmarks>/select_pretraining/{dedupe}.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        properties=lambda wildcards, input: repeat("--properties", input.properties),
        code=code_of("methods.mmfrl.pretraining_molecules"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow mmfrl select-pretraining --molecules {input.molecules:q} --peaks {input.peaks:q} \
            {params.properties} --dedupe {wildcards.dedupe} --out {output.molecules:q} --overlap {output.overlap:q}
        """


rule featurise_task:
    input:
        table="<results>/tables/moleculenet/{task}-{cleaning}.parquet",
    output:
        graphs="<results>/features/moleculenet/{task}-{cleaning}/graphs.safetensors",
    log:
        "<logs>/featurise_task/{task}-{cleaning}.log",
    benchmark:
        "<benchmarks>/featurise_task/{task}-{cleaning}.tsv"
    threads: 1
    resources:
        mem_mb=grow(8000),
        runtime=grow(60),
    params:
        code=code_of("methods.mmfrl.molecular_graphs"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow mmfrl featurise --table {input.table:q} --out {output.graphs:q}
        """


use rule featurise_task as featurise_pretraining with:
    input:
        table="<results>/mmfrl/pretraining/{dedupe}.parquet",
    output:
        graphs="<results>/mmfrl/pretraining/{dedupe}.graphs.safetensors",
    log:
        "<logs>/featurise_pretraining/{dedupe}.log",
    benchmark:
        "<benchmarks>/featurise_pretraining/{dedupe}.tsv"


rule embed_modality:
    input:
        pretraining=plan.mmfrl.of_target("<results>/mmfrl/pretraining/{dedupe}.parquet"),
    output:
        embeddings="<results>/mmfrl/targets/{target}.npy",
        described="<results>/mmfrl/targets/{target}.json",
    log:
        "<logs>/embed_modality/{target}.log",
    benchmark:
        "<benchmarks>/embed_modality/{target}.tsv"
    retries: 1
    threads: 2
    resources:
        **plan.gpu_request,
        mem_mb=grow(8000),
        runtime=grow(720),
    params:
        settings=plan.mmfrl.target_settings,
        modality=plan.mmfrl.modality,
        code=code_of("methods.mmfrl.embed"),
        checkpoints=lambda wildcards, output: checkpoints(f"{output.embeddings.removesuffix('.npy')}/model"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow mmfrl embed-modality --settings {params.settings:q} --modality {params.modality} \
            --pretraining {input.pretraining:q} --out {output.embeddings:q} --checkpoints {params.checkpoints:q} \
            --processes {threads}
        """


rule pretrain_encoder:
    input:
        pretraining=plan.mmfrl.of_encoder("<results>/mmfrl/pretraining/{dedupe}.parquet"),
        graphs=plan.mmfrl.of_encoder("<results>/mmfrl/pretraining/{dedupe}.graphs.safetensors"),
        targets=plan.mmfrl.target_files,
        tracking=ancient("<results>/mlflow/initialised.json"),
    output:
        model="<results>/mmfrl/encoders/{encoder}/model.safetensors",
        settings="<results>/mmfrl/encoders/{encoder}/settings.json",
        history="<results>/mmfrl/encoders/{encoder}/metrics.jsonl",
        metrics="<results>/mmfrl/encoders/{encoder}/metrics.json",
    log:
        "<logs>/pretrain_encoder/{encoder}.log",
    benchmark:
        "<benchmarks>/pretrain_encoder/{encoder}.tsv"
    retries: 1
    threads: 1
    resources:
        **plan.gpu_request,
        mem_mb=grow(8000),
        runtime=grow(1440),
    params:
        settings=plan.mmfrl.encoder_settings,
        targets=lambda wildcards, input: repeat("--target", plan.mmfrl.target_options(wildcards, input.targets)),
        data_version=plan.mmfrl.pretraining_version,
        code=code_of("methods.mmfrl.pretrain"),
        folder=lambda wildcards, output: folder(output.model),
        checkpoints=lambda wildcards, output: checkpoints(output.model),
        uri=lambda wildcards, output: option("--uri", plan.tracking_uri),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow mmfrl pretrain --settings {params.settings:q} --pretraining {input.pretraining:q} \
            --graphs {input.graphs:q} {params.targets} --out {params.folder:q} --checkpoints {params.checkpoints:q} \
            --data-version {params.data_version} {params.uri}
        """


rule train_property:
    input:
        properties=plan.mmfrl.of_run("<results>/tables/moleculenet/{task}-{cleaning}.parquet"),
        counts=plan.mmfrl.of_run("<results>/tables/moleculenet/{task}-{cleaning}.counts.json"),
        split=plan.mmfrl.of_run("<results>/splits/moleculenet/{task}-{cleaning}/{protocol}-{seed}.parquet"),
        graphs=plan.mmfrl.graphs,
        encoders=plan.mmfrl.encoder_weights,
        tracking=ancient("<results>/mlflow/initialised.json"),
    output:
        model="<results>/mmfrl/runs/{run}/model.safetensors",
        settings="<results>/mmfrl/runs/{run}/settings.json",
        history="<results>/mmfrl/runs/{run}/metrics.jsonl",
        metrics="<results>/mmfrl/runs/{run}/metrics.json",
        predictions="<results>/mmfrl/runs/{run}/predictions.parquet",
    log:
        "<logs>/train_property/{run}.log",
    benchmark:
        "<benchmarks>/train_property/{run}.tsv"
    retries: 1
    threads: 1
    resources:
        **plan.gpu_request,
        mem_mb=grow(8000),
        runtime=grow(1440),
    params:
        settings=plan.mmfrl.run_settings,
        data_version=plan.mmfrl.data_version,
        graphs=lambda wildcards, input: option("--graphs", input.graphs),
        encoders=lambda wildcards, input: repeat("--encoder", map(folder, input.encoders)),
        code=code_of("methods.mmfrl.train"),
        folder=lambda wildcards, output: folder(output.model),
        checkpoints=lambda wildcards, output: checkpoints(output.model),
        uri=lambda wildcards, output: option("--uri", plan.tracking_uri),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow mmfrl train --settings {params.settings:q} --properties {input.properties:q} \
            --counts {input.counts:q} --split {input.split:q} {params.graphs} {params.encoders} \
            --out {params.folder:q} --checkpoints {params.checkpoints:q} --data-version {params.data_version} {params.uri}
        """


rule label_property:
    output:
        label="<results>/mmfrl/runs/{run}/label.txt",
    log:
        "<logs>/label_property/{run}.log",
    localrule: True
    threads: 1
    params:
        label=plan.mmfrl.label,
    shell:
        "printf '%s\\n' {params.label:q} > {output.label:q} 2> {log:q}"


rule explain_property:
    input:
        model="<results>/mmfrl/runs/{run}/model.safetensors",
        properties=plan.mmfrl.of_run("<results>/tables/moleculenet/{task}-{cleaning}.parquet"),
        counts=plan.mmfrl.of_run("<results>/tables/moleculenet/{task}-{cleaning}.counts.json"),
        split=plan.mmfrl.of_run("<results>/splits/moleculenet/{task}-{cleaning}/{protocol}-{seed}.parquet"),
        graphs=plan.mmfrl.graphs,
        encoders=plan.mmfrl.encoder_weights,
    output:
        found="<results>/mmfrl/explanations/{run}/explanation.json",
        positions="<results>/mmfrl/explanations/{run}/map.parquet",
        late_parts="<results>/mmfrl/explanations/{run}/late_parts.parquet",
        subgraphs="<results>/mmfrl/explanations/{run}/subgraphs.parquet",
        drawings=directory("<results>/mmfrl/explanations/{run}/drawings"),
    log:
        "<logs>/explain_property/{run}.log",
    benchmark:
        "<benchmarks>/explain_property/{run}.tsv"
    threads: 1
    resources:
        mem_mb=grow(8000),
        runtime=grow(240),
    params:
        settings=plan.mmfrl.explanation_settings,
        encoders=lambda wildcards, input: repeat("--encoder", map(folder, input.encoders)),
        code=code_of("methods.mmfrl.explain.examine"),
        folder=lambda wildcards, input: folder(input.model),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow mmfrl explain --settings {params.settings:q} --run {params.folder:q} \
            --properties {input.properties:q} --counts {input.counts:q} --split {input.split:q} \
            --graphs {input.graphs:q} {params.encoders} --out {output.found:q} --positions {output.positions:q} \
            --late-parts {output.late_parts:q} --subgraphs {output.subgraphs:q} --drawings {output.drawings:q}
        """
