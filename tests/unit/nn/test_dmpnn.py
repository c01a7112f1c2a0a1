import pytest
import torch
from chemprop.data import BatchMolGraph
from chemprop.featurizers import SimpleMoleculeMolGraphFeaturizer
from chemprop.featurizers.atom import get_multi_hot_atom_featurizer
from chemprop.nn import BondMessagePassing, MeanAggregation
from rdkit import Chem

from spectraflow.nn.dmpnn import ATOM_WIDTH, Dmpnn, mean_of_atoms

SMILES = [
    "C", "[Na+].[Cl-]", "O.C", "CC", "C=C", "C#N", "CCO", "c1ccccc1", "C1CC1", "CC(C)(C)C",
    "C/C=C/C", "C/C=C\\C", "N[C@@H](C)C(=O)O", "N[C@H](C)C(=O)O", "[O-][N+](=O)c1ccccc1", "CS(=O)(=O)N", "FC(F)(F)F",
    "ClCCl", "BrC1CCCCC1", "IC=C", "c1ccc2ccccc2c1", "c1ccncc1", "c1cc[nH]c1", "c1ccoc1", "c1ccsc1", "C1CCNCC1",
    "OP(=O)(O)O", "C[Si](C)(C)C", "B(O)O", "[2H]C([2H])[2H]", "[NH4+].[Br-]", "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "C1CC2CCC1C2", "O=C1NC(=O)c2ccccc12", "CCCCCCCC", "OCC(O)CO", "N#Cc1ccccc1",
    "S=C(N)N", "C=C=C", "CC#CC", "O=C=O", "[Fe+2]", "[H][H]", "c1ccc(cc1)-c1ccccc1", "OC1CCCCC1", "CNC", "CSC", "COC",
    "FS(F)(F)(F)(F)F",
]  # fmt: skip


def batch_of(smiles: list[str], featuriser: str = "v1") -> BatchMolGraph:
    featurise = SimpleMoleculeMolGraphFeaturizer(atom_featurizer=get_multi_hot_atom_featurizer(featuriser))
    return BatchMolGraph([featurise(Chem.MolFromSmiles(text)) for text in smiles])


def chemprop_block(model: Dmpnn, featuriser: str, depth: int = 3) -> BondMessagePassing:
    block = BondMessagePassing(d_v=ATOM_WIDTH[featuriser], d_h=model.width, depth=depth)
    block.load_state_dict(model.messages.state_dict())
    return block


def literal(model: Dmpnn, smiles: str, depth: int) -> torch.Tensor:
    """The equations of the paper, a bond and a neighbour at a time, for one molecule."""
    graph, weights = batch_of([smiles]), model.messages
    bonds = list(zip(*graph.edge_index.tolist(), strict=True))
    first = {(v, w): weights.W_i(torch.cat([graph.V[v], graph.E[i]])) for i, (v, w) in enumerate(bonds)}
    h = {bond: state.relu() for bond, state in first.items()}
    none = torch.zeros(model.width)
    for _ in range(depth - 1):
        arriving = {(v, w): sum((h[u, x] for u, x in bonds if x == v and u != w), none) for v, w in bonds}
        h = {bond: (first[bond] + weights.W_h(arriving[bond])).relu() for bond in bonds}
    atoms = []
    for v in range(len(graph.V)):
        arriving_here = sum((h[u, x] for u, x in bonds if x == v), none)
        atoms.append(weights.W_o(torch.cat([graph.V[v], arriving_here])).relu())
    return torch.stack(atoms).mean(dim=0)


@torch.no_grad()
@pytest.mark.parametrize("depth", [2, 4])
def test_encoder_follows_the_equations(depth: int) -> None:
    model = Dmpnn(hidden=12, depth=depth)
    expected = torch.stack([literal(model, text, depth) for text in SMILES])
    torch.testing.assert_close(model(batch_of(SMILES)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("featuriser", ["v1", "v2"])
def test_states_and_gradients_are_those_of_chemprops_blocks(featuriser: str) -> None:
    model = Dmpnn(hidden=16, featuriser=featuriser)
    block, graph = chemprop_block(model, featuriser), batch_of(SMILES, featuriser)
    ours, theirs = model(graph), MeanAggregation()(block(graph), graph.batch)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    torch.testing.assert_close(model.atoms(graph), block(graph), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)
    for mine, peer in zip(model.messages.parameters(), block.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, peer.grad, atol=1e-5, rtol=1e-5)


def test_molecules_without_bonds_have_states_and_gradients() -> None:
    model = Dmpnn(hidden=8)
    states = model(batch_of(["C", "[Na+].[Cl-]", "[Fe+2]"]))
    assert states.shape == (3, 8)
    assert not torch.equal(states[0], states[1])
    states.sum().backward()
    assert model.messages.W_o.weight.grad.abs().sum() > 0


def test_a_molecules_state_does_not_depend_on_its_batch() -> None:
    model = Dmpnn(hidden=8)
    together = model(batch_of(SMILES))
    torch.testing.assert_close(model(batch_of(SMILES[20:21]))[0], together[20], atol=1e-6, rtol=1e-6)


def test_order_of_atoms_does_not_change_the_state() -> None:
    model = Dmpnn(hidden=8)
    states = model(batch_of(["OCC(=O)Nc1ccccc1", "c1cccc(c1)NC(CO)=O"]))
    torch.testing.assert_close(states[0], states[1], atol=1e-6, rtol=1e-6)


def test_mean_of_atoms_weighs_molecules_alike() -> None:
    graph = batch_of(["C", "CCC"])
    means = mean_of_atoms(torch.tensor([[4.0], [1.0], [2.0], [6.0]]), graph)
    torch.testing.assert_close(means, torch.tensor([[4.0], [3.0]]))


def test_xavier_initialisation_has_no_offsets_and_chemprops_spread() -> None:
    torch.manual_seed(0)
    block = Dmpnn(initialisation="xavier").messages
    assert not block.W_o.bias.any()
    for linear in (block.W_i, block.W_h, block.W_o):
        expected = (2 / sum(linear.weight.shape)) ** 0.5
        assert linear.weight.std().item() == pytest.approx(expected, rel=0.02)


def test_dropout_acts_in_training_alone() -> None:
    model, graph = Dmpnn(hidden=32, dropout=0.5), batch_of(["CCO"])
    assert not torch.equal(model(graph), model(graph))
    model.eval()
    assert torch.equal(model(graph), model(graph))
