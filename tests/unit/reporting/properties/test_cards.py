from spectraflow.methods.mmfrl.settings import MODALITIES
from spectraflow.reporting.properties.cards import cards
from spectraflow.reporting.properties.contrasts import contrasts
from tests.unit.reporting.properties.conftest import OVERLAP
from tests.unit.reporting.property_runs import pretrained


def test_headlines(entries):
    fused = {"kind": "intermediate", "pretraining": pretrained(*MODALITIES)}
    found = entries(
        ({"task": "bbbp"}, {"label": "plain", "score": 0.8}),
        ({"task": "bace"}, {"label": "plain", "score": 0.9}),
        ({"task": "bbbp", **fused}, {"label": "fused", "score": 0.9}),
        ({"task": "bbbp", "kind": "forest"}, {"label": "forest", "score": 0.95}),
    )
    shown = cards(found, contrasts(found, ["plain", "forest"]), "plain", [OVERLAP])
    assert [(card.title, card.value) for card in shown] == [
        ("plain, mean ROC-AUC", "85.0"),
        ("fused: better in the mean than plain", "1 of 1"),
        ("fused: better in the mean than forest", "0 of 1"),
        ("Overlap that was removed", "2,911"),
    ]


def test_nothing_is_claimed_without_a_reference(entries):
    assert cards(entries(({"kind": "forest"}, {})), [], None, []) == []
