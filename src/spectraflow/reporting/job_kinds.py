"""Kinds of work, by the verb a rule's name begins with."""

from spectraflow.run_ids import RAW_FILES

KINDS = {
    "raw files and tables": ("generate", "ingest", "join", "load"),
    "features, splits and pairs": (
        *("build", "cache", "describe", "featurise", "label"),
        *("pair", "render", "select", "split"),
    ),
    "training": ("pretrain", "train"),
    "evaluation and search": (
        *("assign", "embed", "evaluate", "examine", "explain", "index", "map", "pool"),
        *("predict", "recognise", "rerank", "retrieve", "score", "search"),
    ),
    "comparison, report, tracking": ("compare", "initialise", "sync", "write"),
}
OTHER_KIND = "other"


def kind_of(rule: str) -> str:
    """Return the kind of work of a rule: one of KINDS, or OTHER_KIND."""
    verb, _, rest = rule.partition("_")
    if verb == "retrieve" and rest in RAW_FILES:
        return "raw files and tables"
    return next((kind for kind, verbs in KINDS.items() if verb in verbs), OTHER_KIND)
