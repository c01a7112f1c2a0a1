# In: the files of all other rules. Out: nothing; these rules name what a user may ask for.


localrules:
    tables,
    km3aid,
    search,
    shifts,
    symspectra,
    matchnet,
    mmfrl,
    report,


rule tables:
    input:
        expand(
            "<results>/tables/{source}/{table}.parquet",
            source=["nmrshiftdb2", "pubchem"],
            table=["molecules", "rejects"],
        ),
        "<results>/tables/nmrshiftdb2/peaks.parquet",
        "<results>/features/nmrshiftdb2/labels.parquet",
        plan.symspectra.tables,


rule km3aid:
    input:
        plan.each_run("<results>/km3aid/runs/{run}/metrics.json"),
        plan.each_complete_run("<results>/km3aid/runs/{run}/retrieval.json"),
        plan.each_complete_run("<results>/km3aid/runs/{run}/isomers.json"),
        plan.each_experiment("<results>/km3aid/isomers/{experiment}.json"),
        plan.each_searched_run("<results>/km3aid/runs/{run}/search.json"),
        plan.each_external_run("<results>/km3aid/runs/{run}/retrieval_external.json"),


rule search:
    input:
        plan.each_searched_run("<results>/km3aid/runs/{run}/search.json"),


rule shifts:
    input:
        plan.shifts.each_run("<results>/shifts/runs/{run}/metrics.json"),
        plan.shifts.each_run("<results>/shifts/runs/{run}/isomers.json"),
        plan.shifts.each_run("<results>/shifts/runs/{run}/retrieval.json"),
        plan.shifts.each_run("<results>/shifts/runs/{run}/retrieval_protons.json"),
        plan.shifts.each_external_run("<results>/shifts/runs/{run}/retrieval_external.json"),
        plan.shifts.each_selection("<results>/shifts/remeasured/{selection}.json"),
        plan.each_reranking("<results>/shifts/runs/{run}/reranking.json"),


rule symspectra:
    input:
        plan.symspectra.each_run("<results>/symspectra/runs/{run}/metrics.json"),
        plan.symspectra.each_examined_run("<results>/symspectra/runs/{run}/examination.json"),
        plan.symspectra.each_cluster_split("<results>/splits/symspectra/{dataset}/{split}-fold{fold}.map.parquet"),


rule matchnet:
    input:
        plan.matchnet.each_run("<results>/matchnet/runs/{run}/metrics.json"),
        plan.matchnet.each_examined_run("<results>/matchnet/runs/{run}/examination.json"),
        rules.write_matching_report.output if plan.matchnet.jobs else [],


rule mmfrl:
    input:
        plan.mmfrl.each_run("<results>/mmfrl/runs/{run}/metrics.json"),
        plan.mmfrl.each_explained_run("<results>/mmfrl/explanations/{run}/explanation.json"),
        rules.write_properties_report.output if plan.mmfrl.jobs else [],


rule report:
    input:
        rules.write_report.output if plan.runs else [],
        rules.write_groups_report.output if plan.symspectra.jobs else [],
        rules.write_matching_report.output if plan.matchnet.jobs else [],
        rules.write_properties_report.output if plan.mmfrl.jobs else [],
