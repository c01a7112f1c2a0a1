"""The papers whose numbers runs are compared with."""

from spectraflow.reporting.published_cells import PaperMapping
from spectraflow.reporting.published_km3aid import KM3AID
from spectraflow.reporting.published_matchnet import MATCHNET
from spectraflow.reporting.published_mmfrl import MMFRL
from spectraflow.reporting.published_symspectra import SYMSPECTRA

MAPPINGS: dict[str, PaperMapping] = {
    "km3aid-arxiv": KM3AID,
    "km3aid-iclr": KM3AID,
    "symspectra": SYMSPECTRA,
    "matchnet": MATCHNET,
    "mmfrl": MMFRL,
}
"""By the name of the paper in published.csv."""
