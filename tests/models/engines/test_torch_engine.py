import torch

from models.bundle import load_bundle
from models.engines.registry import open_engine


def test_threads_are_set_only_when_asked_for(untrained_bundle):
    before = torch.get_num_threads()
    bundle = load_bundle(untrained_bundle)
    try:
        torch.set_num_threads(5)
        open_engine(bundle, device="cpu", name="torch")
        assert torch.get_num_threads() == 5
        open_engine(bundle, device="cpu", threads=2, name="torch")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
