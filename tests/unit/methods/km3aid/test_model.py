import pytest
import torch

from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.model import Km3aid, PeakEncoder
from spectraflow.methods.km3aid.settings import Km3aidModelSettings
from spectraflow.nn.parameters import count_parameters

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


@pytest.mark.parametrize("communication", [True, False])
def test_a_shift_head_changes_nothing_but_what_it_adds(alignment_files, communication):
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    batch = store.batch(torch.arange(8))
    models = []
    for head in (False, True):
        torch.manual_seed(0)
        settings = Km3aidModelSettings(shift_head=head, communication=communication, **SMALL)
        models.append(Km3aid(settings, joint=True).eval())
    without, with_head = models
    added = with_head.state_dict().keys() - without.state_dict().keys()
    assert {name.split(".")[0] for name in added} == {"shift_head"}
    assert count_parameters(with_head) - count_parameters(without) == 16 * 16 + 16 + 2 * 16 + 2
    one, other = without(batch), with_head(batch)
    assert one.shifts is None
    assert all(torch.equal(a, b) for a, b in zip(one[:4], other[:4], strict=True))


def test_shifts_are_told_from_the_molecule_alone(alignment_files):
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    batch = store.batch(torch.arange(8))
    model = Km3aid(Km3aidModelSettings(shift_head=True, communication=False, **SMALL), joint=True).eval()
    shifts = model(batch).shifts
    assert shifts.location.shape == batch.mppm.shape
    blind = batch._replace(
        spectrum=torch.zeros_like(batch.spectrum), mppm=batch.mppm.flip(0), multiplicity=batch.multiplicity * 0
    )
    assert torch.equal(model(blind).shifts.location, shifts.location)
    shifts.location.sum().backward()
    touched = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert touched == {"node_encoder", "shift_head"}, "the carbons' encoder learns from shifts, the molecules' does not"


def test_peaks_and_carbons_belong_to_the_same_row(alignment_files):
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    batch = store.batch(torch.tensor([5, 2]))
    assert (batch.graph.atoms[batch.carbon, 0] == 6).all()
    assert len(batch.carbon) == len(batch.mppm) == int(batch.carbon_counts.sum())
    assert batch.graph.segment[batch.carbon].tolist() == batch.molecule.tolist()
    assert int((batch.graph.atoms[:, 0] == 6).sum()) == len(batch.carbon)
