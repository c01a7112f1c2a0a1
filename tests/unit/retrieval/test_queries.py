import torch

from spectraflow.retrieval.queries import choose_queries


def test_queries_are_one_an_identity_and_repeatable():
    identity = ["a", "a", "b", "c", "c", "d"]
    first = choose_queries(torch.arange(6), identity, 10, seed=1)
    assert sorted(identity[row] for row in first.tolist()) == ["a", "b", "c", "d"]
    assert first.tolist() == choose_queries(torch.arange(6), identity, 10, seed=1).tolist()
    assert len(choose_queries(torch.arange(6), identity, 2, seed=1)) == 2
