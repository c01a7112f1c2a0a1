# In: run folders, accounting and audits. Out: every measured number beside the published one, and the HTML pages.
report_pages = [
    *(["index.html"] if plan.runs else []),
    *(["functional_groups.html"] if plan.symspectra.jobs else []),
    *(["matching.html"] if plan.matchnet.jobs else []),
    *(["moleculenet.html"] if plan.mmfrl.jobs else []),
]


rule compare_runs:
    input:
        published="resources/published.csv",
        settings=plan.each_run("<results>/km3aid/runs/{run}/settings.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/settings.json"),
        labels=plan.each_run("<results>/km3aid/runs/{run}/label.txt")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/label.txt"),
        metrics=plan.each_run("<results>/km3aid/runs/{run}/metrics.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/metrics.json"),
        retrieval=plan.each_complete_run("<results>/km3aid/runs/{run}/retrieval.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/retrieval.json"),
        isomers=plan.each_complete_run("<results>/km3aid/runs/{run}/isomers.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/isomers.json"),
        pooled=plan.each_experiment("<results>/km3aid/isomers/{experiment}.json"),
        assignments=plan.each_run("<results>/km3aid/runs/{run}/assignments.parquet")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/assignments.parquet"),
        ranks=plan.each_complete_run("<results>/km3aid/runs/{run}/ranks.parquet")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/ranks.parquet"),
        group_settings=plan.symspectra.each_run("<results>/symspectra/runs/{run}/settings.json"),
        group_labels=plan.symspectra.each_run("<results>/symspectra/runs/{run}/label.txt"),
        group_metrics=plan.symspectra.each_run("<results>/symspectra/runs/{run}/metrics.json"),
        examinations=plan.symspectra.each_examined_run("<results>/symspectra/runs/{run}/examination.json"),
        matching_settings=plan.matchnet.each_run("<results>/matchnet/runs/{run}/settings.json"),
        matching_labels=plan.matchnet.each_run("<results>/matchnet/runs/{run}/label.txt"),
        matching_metrics=plan.matchnet.each_run("<results>/matchnet/runs/{run}/metrics.json"),
        matching_examinations=plan.matchnet.each_examined_run("<results>/matchnet/runs/{run}/examination.json"),
        property_settings=plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/settings.json"),
        property_labels=plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/label.txt"),
        property_metrics=plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/metrics.json"),
        audits=plan.symspectra.each_run("<results>/splits/symspectra/{dataset}/{split}-fold{fold}.audit.json")
        + plan.matchnet.each_run("<results>/splits/matchnet/{paired}/{split}-fold{fold}.audit.json"),
    output:
        comparison=report("<results>/comparison.csv", caption="../report/comparison.rst", category="Comparison"),
    log:
        "<logs>/compare_runs.log",
    benchmark:
        "<benchmarks>/compare_runs.tsv"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(30),
    params:
        data=plan.config.data,
        code=code_of("reporting.comparison"),
        runs=lambda wildcards, input: repeat(
            "--run",
            map(folder, [*input.metrics, *input.group_metrics, *input.matching_metrics, *input.property_metrics]),
        ),
        pooled=lambda wildcards, input: repeat("--pooled", input.pooled),
        audits=lambda wildcards, input: repeat("--audit", input.audits),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow compare --published {input.published:q} {params.runs} {params.pooled} {params.audits} \
            --out {output.comparison:q} --data {params.data}
        """


rule write_report:
    input:
        comparison="<results>/comparison.csv",
        settings=plan.each_run("<results>/km3aid/runs/{run}/settings.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/settings.json"),
        labels=plan.each_run("<results>/km3aid/runs/{run}/label.txt")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/label.txt"),
        history=plan.each_run("<results>/km3aid/runs/{run}/metrics.jsonl")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/metrics.jsonl"),
        metrics=plan.each_run("<results>/km3aid/runs/{run}/metrics.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/metrics.json"),
        retrieval=plan.each_complete_run("<results>/km3aid/runs/{run}/retrieval.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/retrieval.json"),
        isomers=plan.each_complete_run("<results>/km3aid/runs/{run}/isomers.json")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/isomers.json"),
        pooled=plan.each_experiment("<results>/km3aid/isomers/{experiment}.json"),
        search=plan.each_searched_run("<results>/km3aid/runs/{run}/search.json"),
        external=plan.each_external_run("<results>/km3aid/runs/{run}/retrieval_external.json")
        + plan.shifts.each_external_run("<results>/shifts/runs/{run}/retrieval_external.json"),
        protons=plan.shifts.each_run("<results>/shifts/runs/{run}/retrieval_protons.json"),
        reranking=plan.each_reranking("<results>/shifts/runs/{run}/reranking.json"),
        references=plan.shifts.each_selection("<results>/shifts/remeasured/{selection}.json"),
        assignments=plan.each_run("<results>/km3aid/runs/{run}/assignments.parquet")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/assignments.parquet"),
        ranks=plan.each_complete_run("<results>/km3aid/runs/{run}/ranks.parquet")
        + plan.shifts.each_run("<results>/shifts/runs/{run}/ranks.parquet"),
        counts=[
            "<results>/tables/nmrshiftdb2/counts.json",
            "<results>/tables/pubchem/counts.json",
            *plan.each_run("<results>/km3aid/alignment/{selection}/counts.json"),
            *plan.shifts.counts,
            *(["<results>/search/library.json"] if plan.each_searched_run("") else []),
        ],
        audits=plan.each_run("<results>/splits/km3aid/{selection}/{split}-fold{fold}.audit.json"),
        molecules="<results>/tables/nmrshiftdb2/molecules.parquet",
        alignment=plan.first_run("<results>/km3aid/alignment/{selection}/alignment.parquet"),
    output:
        page=report("<results>/report/index.html", caption="../report/page.rst", category="Report"),
        curves=report(
            "<results>/report/figures/training_curves.svg",
            caption="../report/training_curves.rst",
            category="Figures",
        ),
        ranks=report(
            "<results>/report/figures/rank_histogram.svg",
            caption="../report/rank_histogram.rst",
            category="Figures",
        ),
        hits=report(
            "<results>/report/figures/hits_by_library.svg",
            caption="../report/hits_by_library.rst",
            category="Figures",
        ),
        sizes=report(
            "<results>/report/figures/accuracy_by_size.svg",
            caption="../report/accuracy_by_size.rst",
            category="Figures",
        ),
    log:
        "<logs>/write_report.log",
    benchmark:
        "<benchmarks>/write_report.tsv"
    threads: 1
    resources:
        mem_mb=grow(2000),
        runtime=grow(30),
    params:
        data=plan.config.data,
        code=code_of("reporting.page"),
        runs=lambda wildcards, input: repeat("--run", map(folder, input.metrics)),
        pooled=lambda wildcards, input: repeat("--pooled", input.pooled),
        counts=lambda wildcards, input: repeat("--counts", input.counts),
        audits=lambda wildcards, input: repeat("--audit", input.audits),
        references=lambda wildcards, input: repeat("--reference", input.references),
        folder=lambda wildcards, output: folder(output.page),
        benchmarks=workflow.pathvars.apply("<benchmarks>"),
        links=repeat("--other-page", [page for page in report_pages if page != "index.html"]),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow report --comparison {input.comparison:q} {params.runs} {params.pooled} {params.counts} {params.audits} \
            {params.references} --molecules {input.molecules:q} --alignment {input.alignment:q} \
            --out {params.folder:q} --data {params.data} --benchmarks {params.benchmarks:q} {params.links}
        """


rule write_groups_report:
    input:
        comparison="<results>/comparison.csv",
        settings=plan.symspectra.each_run("<results>/symspectra/runs/{run}/settings.json"),
        labels=plan.symspectra.each_run("<results>/symspectra/runs/{run}/label.txt"),
        history=plan.symspectra.each_run("<results>/symspectra/runs/{run}/metrics.jsonl"),
        metrics=plan.symspectra.each_run("<results>/symspectra/runs/{run}/metrics.json"),
        predictions=plan.symspectra.each_run("<results>/symspectra/runs/{run}/predictions.parquet"),
        examinations=plan.symspectra.each_examined_run("<results>/symspectra/runs/{run}/examination.json"),
        counts=plan.symspectra.all_counts,
        audits=plan.symspectra.each_run("<results>/splits/symspectra/{dataset}/{split}-fold{fold}.audit.json"),
        maps=plan.symspectra.each_cluster_split("<results>/splits/symspectra/{dataset}/{split}-fold{fold}.map.parquet"),
    output:
        page=report("<results>/report/functional_groups.html", caption="../report/groups.rst", category="Report"),
    log:
        "<logs>/write_groups_report.log",
    benchmark:
        "<benchmarks>/write_groups_report.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        data=plan.config.data,
        code=code_of("reporting.groups.page"),
        runs=lambda wildcards, input: repeat("--run", map(folder, input.metrics)),
        counts=lambda wildcards, input: repeat("--counts", input.counts),
        audits=lambda wildcards, input: repeat("--audit", input.audits),
        maps=lambda wildcards, input: repeat("--map", input.maps),
        folder=lambda wildcards, output: folder(output.page),
        links=repeat("--other-page", [page for page in report_pages if page != "functional_groups.html"]),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow report-groups --comparison {input.comparison:q} {params.runs} {params.counts} {params.audits} \
            {params.maps} --out {params.folder:q} --data {params.data} {params.links}
        """


rule write_matching_report:
    input:
        comparison="<results>/comparison.csv",
        settings=plan.matchnet.each_run("<results>/matchnet/runs/{run}/settings.json"),
        labels=plan.matchnet.each_run("<results>/matchnet/runs/{run}/label.txt"),
        history=plan.matchnet.each_run("<results>/matchnet/runs/{run}/metrics.jsonl"),
        metrics=plan.matchnet.each_run("<results>/matchnet/runs/{run}/metrics.json"),
        predictions=plan.matchnet.each_run("<results>/matchnet/runs/{run}/predictions.parquet"),
        examinations=plan.matchnet.each_examined_run("<results>/matchnet/runs/{run}/examination.json"),
        maps=plan.matchnet.each_examined_run("<results>/matchnet/runs/{run}/map.parquet"),
        spectra=plan.matchnet.each_dataset("<results>/matchnet/spectra/{paired}/counts.json"),
        pairs=plan.matchnet.each_run("<results>/matchnet/pairs/{paired}/{split}-fold{fold}.json"),
        audits=plan.matchnet.each_run("<results>/splits/matchnet/{paired}/{split}-fold{fold}.audit.json"),
        rendered=plan.matchnet.each_run("<results>/matchnet/rendered/{paired}/{rendering}.parquet")[:1],
    output:
        page=report("<results>/report/matching.html", caption="../report/matching.rst", category="Report"),
    log:
        "<logs>/write_matching_report.log",
    benchmark:
        "<benchmarks>/write_matching_report.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        data=plan.config.data,
        code=code_of("reporting.matching.page"),
        runs=lambda wildcards, input: repeat("--run", map(folder, input.metrics)),
        counts=lambda wildcards, input: repeat("--counts", [*input.spectra, *input.pairs]),
        audits=lambda wildcards, input: repeat("--audit", input.audits),
        rendered=lambda wildcards, input: option("--renderings", input.rendered),
        folder=lambda wildcards, output: folder(output.page),
        links=repeat("--other-page", [page for page in report_pages if page != "matching.html"]),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow report-matching --comparison {input.comparison:q} {params.runs} {params.counts} {params.audits} \
            {params.rendered} --out {params.folder:q} --data {params.data} {params.links}
        """


rule write_properties_report:
    input:
        comparison="<results>/comparison.csv",
        settings=plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/settings.json"),
        labels=plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/label.txt"),
        metrics=plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/metrics.json"),
        predictions=plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/predictions.parquet"),
        encoder_settings=plan.mmfrl.each_encoder("<results>/mmfrl/encoders/{encoder}/settings.json"),
        encoder_history=plan.mmfrl.each_encoder("<results>/mmfrl/encoders/{encoder}/metrics.jsonl"),
        encoders=plan.mmfrl.each_encoder("<results>/mmfrl/encoders/{encoder}/metrics.json"),
        overlaps=plan.mmfrl.each_dedupe("<results>/mmfrl/pretraining/{dedupe}.overlap.json"),
        counts=plan.mmfrl.each_task("<results>/tables/moleculenet/{task}.counts.json"),
        audits=plan.mmfrl.each_run("<results>/splits/moleculenet/{task}-{cleaning}/{protocol}-{seed}.audit.json"),
        explanations=plan.mmfrl.each_explained_run("<results>/mmfrl/explanations/{run}/explanation.json"),
        maps=plan.mmfrl.each_explained_run("<results>/mmfrl/explanations/{run}/map.parquet"),
        late_parts=plan.mmfrl.each_explained_run("<results>/mmfrl/explanations/{run}/late_parts.parquet"),
        subgraphs=plan.mmfrl.each_explained_run("<results>/mmfrl/explanations/{run}/subgraphs.parquet"),
    output:
        page=report("<results>/report/moleculenet.html", caption="../report/moleculenet.rst", category="Report"),
    log:
        "<logs>/write_properties_report.log",
    benchmark:
        "<benchmarks>/write_properties_report.tsv"
    threads: 1
    resources:
        mem_mb=grow(4000),
        runtime=grow(60),
    params:
        data=plan.config.data,
        code=code_of("reporting.properties.page"),
        runs=lambda wildcards, input: repeat("--run", map(folder, input.metrics)),
        reference=option("--reference", plan.mmfrl.section.compared_with()),
        counts=lambda wildcards, input: repeat("--counts", input.counts),
        audits=lambda wildcards, input: repeat("--audit", input.audits),
        encoders=lambda wildcards, input: repeat("--encoder", map(folder, input.encoders)),
        overlaps=lambda wildcards, input: repeat("--overlap", input.overlaps),
        explanations=lambda wildcards, input: repeat("--explanation", map(folder, input.explanations)),
        folder=lambda wildcards, output: folder(output.page),
        links=repeat("--other-page", [page for page in report_pages if page != "moleculenet.html"]),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow mmfrl report --comparison {input.comparison:q} {params.runs} {params.reference} {params.counts} \
            {params.audits} {params.encoders} {params.overlaps} {params.explanations} --out {params.folder:q} \
            --data {params.data} {params.links}
        """
