import torch

from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.model import Km3aid, PeakEncoder
from spectraflow.methods.km3aid.settings import Km3aidModelSettings
from spectraflow.methods.km3aid.train import count_parameters

SMALL = {"dim": 16, "projection": 24}


def test_published_sizes():
    assert count_parameters(Km3aid(Km3aidModelSettings())) == 2_082_944
    assert count_parameters(PeakEncoder(128, "raw")) == 50_176


def test_without_communication_the_branches_share_nothing(alignment_files):
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    batch = store.batch(torch.arange(8))
    for communication, shared in ((True, True), (False, False)):
        model = Km3aid(Km3aidModelSettings(communication=communication, **SMALL), joint=True)
        model(batch).carbons.sum().backward()
        touched = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert any(name.startswith("node_encoder") for name in touched)
        assert not any(name.startswith("graph_encoder") for name in touched)
        model.zero_grad()
        model(batch).graphs.sum().backward()
        touched = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert any(name.startswith("node_encoder") for name in touched) is shared


def test_peaks_and_carbons_belong_to_the_same_row(alignment_files):
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    batch = store.batch(torch.tensor([5, 2]))
    assert (batch.graph.atoms[batch.carbon, 0] == 6).all()
    assert len(batch.carbon) == len(batch.mppm) == int(batch.carbon_counts.sum())
    assert batch.graph.segment[batch.carbon].tolist() == batch.molecule.tolist()
    assert int((batch.graph.atoms[:, 0] == 6).sum()) == len(batch.carbon)
