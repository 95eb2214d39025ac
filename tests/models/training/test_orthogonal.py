import pytest
import torch

from models.training.orthogonal import Orthogonal, orthogonalized

SHAPES = [(8, 8), (6, 40), (40, 6), (1, 5)]


def a_matrix(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_near_one_and_directions_stay(shape):
    matrix = a_matrix(shape)

    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    values = left.T @ orthogonalized(matrix) @ right.T

    diagonal = values.diagonal()
    assert ((diagonal > 0.65) & (diagonal < 1.25)).all()
    torch.testing.assert_close(values, torch.diag(diagonal), atol=1e-4, rtol=0)


def test_nothing_stays_nothing():
    assert not orthogonalized(torch.zeros(3, 4)).any()


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_those_of_torchs_muon(shape):
    ours, theirs = (torch.nn.Parameter(a_matrix(shape, seed=1)) for _ in range(2))
    mine = Orthogonal([ours], weight_decay=0.1)
    torchs = torch.optim.Muon([theirs], weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    before = ours.detach().clone()

    for number in range(4):
        for optimizer, matrix in ((mine, ours), (torchs, theirs)):
            optimizer.param_groups[0]["lr"] = 0.01
            matrix.grad = a_matrix(shape, seed=2 + number)
            optimizer.step()

    # Theirs are made in bfloat16, whose rounding the iterations spread.
    moved = (theirs - before).norm()
    assert (ours - theirs).norm() < 0.03 * moved


def test_a_matrix_without_a_gradient_is_left_alone():
    matrix = torch.nn.Parameter(a_matrix((3, 4)))
    before = matrix.detach().clone()

    Orthogonal([matrix], weight_decay=0.1).step()

    assert torch.equal(matrix, before)


def test_what_is_kept_goes_on_as_if_nothing_had_been():
    def stepped(optimizer, matrix, numbers):
        for number in numbers:
            matrix.grad = a_matrix((5, 7), seed=number)
            optimizer.step()

    whole, cut = (torch.nn.Parameter(a_matrix((5, 7))) for _ in range(2))
    stepped(Orthogonal([whole], weight_decay=0.1), whole, range(4))
    first = Orthogonal([cut], weight_decay=0.1)
    stepped(first, cut, range(2))
    second = Orthogonal([cut], weight_decay=0.1)
    second.load_state_dict(first.state_dict())
    stepped(second, cut, range(2, 4))

    assert torch.equal(whole, cut)
