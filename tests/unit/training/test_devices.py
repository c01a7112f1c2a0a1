import torch

from spectraflow.training.devices import make_fabric


def test_scattered_gradients_are_the_same_each_time_on_several_threads(monkeypatch):
    monkeypatch.setenv("SPECTRAFLOW_ACCELERATOR", "cpu")
    make_fabric()
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        generator = torch.Generator().manual_seed(0)
        table = torch.randn(50, 128, generator=generator).requires_grad_()
        rows = torch.randint(50, (40_000,), generator=generator)
        weights = torch.randn(40_000, 128, generator=generator)
        gradients = [torch.autograd.grad((table[rows] * weights).sum(), table)[0] for _ in range(5)]
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(gradients[0], other) for other in gradients[1:])
