from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn

from models.training.optimizer import Optimizer
from models.training.recipes import PAPER
from models.training.schedule import learning_rate
from tests.models.keras.keras_reference import keras

from .generated import TINY

PLAIN = replace(TINY, weight_decay=0.1, orthogonal=False)
ORTHOGONAL = replace(TINY, weight_decay=0.1, orthogonal=True)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(16, 40, 1, 1), (6, 4, 3, 3), (40, 4, 3, 3)])
def test_the_change_of_a_kernel_has_singular_values_near_one_and_the_vectors_of_its_gradient(shape, layout):
    start, gradient = drawn(*shape), drawn(*shape, seed=1)
    kernel = nn.Parameter(start.clone(memory_format=layout))
    kernel.grad = gradient.clone(memory_format=layout)
    optimizer = Optimizer(replace(ORTHOGONAL, weight_decay=0.0), [kernel], [nn.Parameter(torch.zeros(1))])
    optimizer.step(0.01)
    rows, cells = shape[0], gradient[0].numel()
    # 0.2 is that of `torch.optim.Muon`, as long as a step of Adam; ours are twice as long.
    moved = (start - kernel.detach()).reshape(rows, cells) / (0.01 * 2 * 0.2 * max(rows, cells) ** 0.5)
    left, values, right = torch.linalg.svd(gradient.reshape(rows, cells), full_matrices=False)
    turned = left.T @ moved @ right.T
    kept = turned.diagonal()[values > 0.1 * values.max()]
    assert ((kept > 0.6) & (kept < 1.3)).all()
    assert (turned - torch.diag(turned.diagonal())).abs().max() < 0.05  # torch orthogonalizes in bfloat16
    assert kernel.is_contiguous(memory_format=layout)


def test_weights_decay_as_much_as_adams():
    kernel, bias = nn.Parameter(drawn(4, 5, 1, 1)), nn.Parameter(drawn(3))
    starts = kernel.detach().clone(), bias.detach().clone()
    optimizer = Optimizer(ORTHOGONAL, [kernel], [bias])
    for parameter in (kernel, bias):
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step(0.5)
    for parameter, start in zip((kernel, bias), starts, strict=True):
        assert torch.allclose(parameter.detach(), start * (1 - 0.5 * ORTHOGONAL.weight_decay))


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
    optimizer = Optimizer(replace(ORTHOGONAL, longest_gradient=5.0), [kernel], [bias])
    kernel.grad, bias.grad = torch.full((3, 4, 1, 1), 30.0), torch.full((5,), 40.0)
    optimizer.shorten()
    total = torch.cat([kernel.grad.flatten(), bias.grad]).norm()
    assert total == pytest.approx(5.0, rel=1e-4)
    assert bias.grad[0] / kernel.grad[0, 0, 0, 0] == pytest.approx(40.0 / 30.0)


@pytest.mark.parametrize("size", [1e-8, 1e-5, 1.0, 1e3])
def test_the_papers_steps_are_those_of_keras_whatever_the_size_of_the_gradients(size: float):
    # Near Keras' epsilon of 1e-7 a step tells which epsilon it is and where it is added; beyond a norm of 5
    # it tells whether gradients are shortened.
    start = drawn(40).double()
    theirs = keras.Variable(start.numpy(), dtype="float64")
    rate = keras.optimizers.schedules.InverseTimeDecay(1e-4, decay_steps=1, decay_rate=1e-4)
    adam = keras.optimizers.Adam(rate)
    adam.build([theirs])
    ours = nn.Parameter(start.clone())
    optimizer = Optimizer(PAPER, [], [ours])

    for step in range(4):
        gradient = size * drawn(40, seed=step + 1).double() * (10.0 if step == 2 else 1.0)
        adam.apply([gradient], [theirs])
        ours.grad = gradient.clone()
        optimizer.shorten()
        optimizer.step(learning_rate(PAPER.schedule, step, 10))

    moved, expected = ours.detach() - start, theirs.value.detach().cpu() - start
    assert expected.abs().max() > 1e-6
    # Keras keeps its moments and its rate in float32.
    torch.testing.assert_close(moved, expected, rtol=2e-5, atol=1e-12)


def test_a_restored_keras_epsilon_goes_on_as_the_first_would():
    first, second = nn.Parameter(drawn(9)), nn.Parameter(drawn(9))
    going, restored = Optimizer(PAPER, [], [first]), Optimizer(PAPER, [], [second])
    first.grad = 1e-7 * drawn(9, seed=1)
    going.step(0.1)
    restored.load_state_dict(deepcopy(going.state_dict()))
    second.data.copy_(first.data)
    first.grad = 1e-7 * drawn(9, seed=2)
    second.grad = first.grad.clone()
    going.step(0.1)
    restored.step(0.1)
    assert torch.equal(first, second)


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
