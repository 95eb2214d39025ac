from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn

from models.training.optimizer import Optimizer, OrthogonalMomentum, orthogonalized

from .generated import TINY

PLAIN = replace(TINY, weight_decay=0.1, orthogonal=False)
ORTHOGONAL = replace(TINY, weight_decay=0.1, orthogonal=True)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_orthogonalized_matrices_keep_their_singular_vectors_and_have_values_near_one():
    matrices = [drawn(8, 30), drawn(30, 8, seed=1) * 1e-6, drawn(8, 8, seed=2), drawn(5, 9, seed=3)]
    for matrix, result in zip(matrices, orthogonalized(matrices), strict=True):
        left, values, right = torch.linalg.svd(matrix, full_matrices=False)
        turned = left.T @ result @ right.T
        kept = turned.diagonal()[values > 0.05 * values.max()]
        assert ((kept > 0.6) & (kept < 1.25)).all()
        assert (turned - torch.diag(turned.diagonal())).abs().max() < 1e-3


def test_a_zero_gradient_stays_zero():
    (result,) = orthogonalized([torch.zeros(4, 6)])
    assert torch.equal(result, torch.zeros(4, 6))


@pytest.mark.parametrize(("shape", "decay"), [((16, 40), 0.1), ((40, 16), 0.0)])
def test_steps_are_those_of_torchs_own_muon(shape: tuple[int, int], decay: float):
    """torch takes matrices one by one in bfloat16, so that steps agree to about a hundredth."""
    ours, theirs = (nn.Parameter(drawn(*shape)) for _ in range(2))
    mine = OrthogonalMomentum([ours], lr=0.02, weight_decay=decay)
    # What `adjust_lr_fn` multiplies the rate by there is half of what we do.
    reference = torch.optim.Muon([theirs], lr=0.04, weight_decay=decay / 2, adjust_lr_fn="match_rms_adamw")
    start = ours.detach().clone()
    for step in range(4):
        ours.grad = drawn(*shape, seed=step + 1)
        theirs.grad = ours.grad.clone()
        mine.step()
        reference.step()
    moved, expected = ours.detach() - start, theirs.detach() - start
    assert (moved - expected).norm() < 0.03 * expected.norm()


def test_only_kernels_that_mix_channels_take_orthogonalized_steps():
    member = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, groups=6), nn.BatchNorm2d(6))
    head = nn.Linear(6, 1)
    changed = {}
    for recipe in (PLAIN, ORTHOGONAL):
        torch.manual_seed(0)
        for module in (*member, head):
            module.reset_parameters()
        optimizer = Optimizer(recipe, member.parameters(), head.parameters())
        for parameter in (*member.parameters(), *head.parameters()):
            parameter.grad = drawn(*parameter.shape)
        optimizer.step(0.01)
        names = [*member.named_parameters(prefix="member"), *head.named_parameters(prefix="head")]
        changed[recipe.orthogonal] = {name: value.detach().clone() for name, value in names}
    differing = {name for name in changed[True] if not torch.equal(changed[True][name], changed[False][name])}
    assert differing == {"member.0.weight"}


def test_long_gradients_are_shortened_together():
    kernel, bias = nn.Parameter(torch.zeros(3, 4, 1, 1)), nn.Parameter(torch.zeros(5))
    optimizer = Optimizer(ORTHOGONAL, [kernel], [bias])
    kernel.grad, bias.grad = torch.full((3, 4, 1, 1), 30.0), torch.full((5,), 40.0)
    optimizer.shorten()
    total = torch.cat([kernel.grad.flatten(), bias.grad]).norm()
    assert total == pytest.approx(5.0, rel=1e-4)
    assert bias.grad[0] / kernel.grad[0, 0, 0, 0] == pytest.approx(40.0 / 30.0)


def test_a_restored_optimizer_goes_on_as_the_first_would():
    shapes = ((4, 5, 1, 1), (3,))
    first, second = ([nn.Parameter(drawn(*shape)) for shape in shapes] for _ in range(2))
    going = Optimizer(ORTHOGONAL, first[:1], first[1:])
    for parameter in first:
        parameter.grad = drawn(*parameter.shape, seed=1)
    going.step(0.1)
    restored = Optimizer(ORTHOGONAL, second[:1], second[1:])
    restored.load_state_dict(deepcopy(going.state_dict()))  # a checkpoint shares no tensor
    for mine, theirs in zip(first, second, strict=True):
        theirs.data.copy_(mine.data)
        mine.grad = drawn(*mine.shape, seed=2)
        theirs.grad = mine.grad.clone()
    going.step(0.1)
    restored.step(0.1)
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(first, second, strict=True))


def test_cleared_gradients_are_gone():
    kernel, bias = nn.Parameter(torch.zeros(3, 4, 1, 1)), nn.Parameter(torch.zeros(5))
    optimizer = Optimizer(ORTHOGONAL, [kernel], [bias])
    (kernel.sum() + bias.sum()).backward()
    optimizer.clear()
    assert [parameter.grad for parameter in (kernel, bias)] == [None, None]
