# In: nothing. Out: the raw files as published, verified against the registry. A mirror is tried before the publisher.
# The code's hash is left out of the params: an edit must not fetch gigabytes again that a checksum vouches for.


rule retrieve_nmrshiftdb2:
    output:
        raw=ensure(plan.raw("nmrshiftdb2"), non_empty=True),
        provenance=f"{plan.raw('nmrshiftdb2')}.provenance.json",
    log:
        "<logs>/retrieve_nmrshiftdb2.log",
    benchmark:
        "<benchmarks>/retrieve_nmrshiftdb2.tsv"
    retries: 3
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(120),
    params:
        options=lambda wildcards, output: plan.retrieval_options("nmrshiftdb2"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow retrieve nmrshiftdb2 --out {output.raw:q} {params.options}
        """


rule retrieve_km3aid_ids:
    output:
        raw=ensure(plan.raw("km3aid_ids"), non_empty=True),
        provenance=f"{plan.raw('km3aid_ids')}.provenance.json",
    log:
        "<logs>/retrieve_km3aid_ids.log",
    benchmark:
        "<benchmarks>/retrieve_km3aid_ids.tsv"
    retries: 3
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(30),
    params:
        options=lambda wildcards, output: plan.retrieval_options("km3aid_ids"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow retrieve km3aid_ids --out {output.raw:q} {params.options}
        """


rule retrieve_pubchem:
    output:
        raw=ensure(plan.raw("pubchem"), non_empty=True),
        provenance=f"{plan.raw('pubchem')}.provenance.json",
    log:
        "<logs>/retrieve_pubchem.log",
    benchmark:
        "<benchmarks>/retrieve_pubchem.tsv"
    retries: 3
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(360),
    params:
        options=lambda wildcards, output: plan.retrieval_options("pubchem"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow retrieve pubchem --out {output.raw:q} {params.options}
        """


rule retrieve_alberts:
    output:
        raw=ensure(plan.retrieved("alberts"), non_empty=True),
        provenance=f"{plan.retrieved('alberts')}.provenance.json",
    log:
        "<logs>/retrieve_alberts.log",
    benchmark:
        "<benchmarks>/retrieve_alberts.tsv"
    retries: 3
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(120),
    params:
        options=lambda wildcards, output: plan.retrieval_options("alberts"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow retrieve alberts --out {output.raw:q} {params.options}
        """


rule retrieve_massbank:
    output:
        raw=ensure(plan.retrieved("massbank"), non_empty=True),
        provenance=f"{plan.retrieved('massbank')}.provenance.json",
    log:
        "<logs>/retrieve_massbank.log",
    benchmark:
        "<benchmarks>/retrieve_massbank.tsv"
    retries: 3
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(60),
    params:
        options=lambda wildcards, output: plan.retrieval_options("massbank"),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow retrieve massbank --out {output.raw:q} {params.options}
        """


rule retrieve_matcs:
    output:
        raw=ensure("<results>/raw/matcs/{list}.csv.gz", non_empty=True),
        provenance="<results>/raw/matcs/{list}.csv.gz.provenance.json",
    log:
        "<logs>/retrieve_matcs/{list}.log",
    benchmark:
        "<benchmarks>/retrieve_matcs/{list}.tsv"
    retries: 3
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(30),
    params:
        mirror=option("--mirror", plan.mirror("matcs")),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow retrieve matcs --file {wildcards.list}.csv.gz --out {output.raw:q} {params.mirror}
        """


rule retrieve_moleculenet:
    output:
        raw=ensure("<results>/raw/moleculenet/{file}.csv.gz", non_empty=True),
        provenance="<results>/raw/moleculenet/{file}.csv.gz.provenance.json",
    log:
        "<logs>/retrieve_moleculenet/{file}.log",
    benchmark:
        "<benchmarks>/retrieve_moleculenet/{file}.tsv"
    retries: 3
    threads: 1
    resources:
        mem_mb=grow(1000),
        runtime=grow(30),
    params:
        mirror=option("--mirror", plan.mirror("moleculenet")),
    shell:
        """
        exec &> >(tee {log:q})
        spectraflow retrieve moleculenet --file {wildcards.file}.csv.gz --out {output.raw:q} {params.mirror}
        """
