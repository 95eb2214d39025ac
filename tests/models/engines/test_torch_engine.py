"""How torch is asked to compute; what comes out is the contract's."""

import numpy as np
import torch

from models.bundle.loading import load_bundle
from models.engines.registry import open_engine
from tests.models.fake_engine import plain_views


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


def test_members_run_repeatably_in_float32_without_gradients_and_with_channels_last(pristine_bundle):
    bundle = load_bundle(pristine_bundle)
    seen = []

    def look(member: torch.nn.Module, given: tuple[torch.Tensor]) -> None:
        cudnn = torch.backends.cudnn
        assert torch.is_inference_mode_enabled()
        assert (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32) == (True, False, False)
        kernels = [p for p in member.parameters() if p.ndim == 4]
        for tensor in (*given, *kernels):
            assert tensor.is_contiguous(memory_format=torch.channels_last)
        seen.append(given[0].shape)

    for member in bundle.members.values():
        member.register_forward_pre_hook(look)

    open_engine(bundle, device="cpu", name="torch").run(plain_views(0.25, 0.5))

    assert seen == [(2, 3, 64, 96)] * 2


def test_views_of_a_large_batch_go_through_a_cpu_a_few_at_a_time_and_stay_in_order(untrained_bundle):
    bundle = load_bundle(untrained_bundle)
    seen = []
    for member in bundle.members.values():
        member.register_forward_pre_hook(lambda _member, given: seen.append(len(given[0])))
    engine = open_engine(bundle, device="cpu", name="torch")
    views = np.stack([np.full((224, 224), level, dtype=np.float32) for level in np.linspace(0.1, 0.9, 9)])

    (whole,) = engine.run(views).values()

    assert seen == [4, 4, 1]
    (alone,) = engine.run(views[5:6]).values()
    assert whole.logit.shape == (9,)
    np.testing.assert_allclose(whole.logit[5:6], alone.logit, atol=1e-5)
    np.testing.assert_allclose(whole.activation[5:6], alone.activation, atol=1e-4)
    np.testing.assert_allclose(whole.embedding[5:6], alone.embedding, atol=1e-5)
    assert len(np.unique(whole.logit.round(6))) > 1
