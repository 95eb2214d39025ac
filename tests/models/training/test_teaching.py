import torch

from models.networks.member import Member, build_member, initialize
from models.training.teaching import Teachers

VIEWS = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def teacher(seed: int) -> Member:
    member = build_member("mobilenet", sharpness=2.0)
    initialize(member, seed)
    torch.nn.init.constant_(member.head.bias, 0.1 * seed)
    return member.requires_grad_(False)


def test_the_mean_of_what_the_teachers_say_of_each_cell_is_taught():
    members = [teacher(1), teacher(2), teacher(3)]
    said = [torch.sigmoid(member(VIEWS).activation + member.head.bias) for member in members]
    lesson = Teachers(members).lesson(VIEWS, features=False)
    assert torch.allclose(lesson.probabilities, (said[0] + said[1] + said[2]) / 3, atol=1e-6)
    assert not torch.allclose(lesson.probabilities, said[0], atol=1e-2)


def test_features_are_those_of_the_first_teacher():
    first, second = teacher(1), teacher(2)
    lesson = Teachers([first, second]).lesson(VIEWS, features=True)
    own = tuple(first.backbone.walk(VIEWS))
    assert [tuple(level.shape) for level in lesson.levels] == [tuple(level.shape) for level in own]
    assert all(torch.equal(taught, level) for taught, level in zip(lesson.levels, own, strict=True))
    assert Teachers([first, second]).levels == first.backbone.levels


def test_without_features_none_are_said_and_the_map_stays_the_same():
    teachers = Teachers([teacher(1), teacher(2)])
    alone = teachers.lesson(VIEWS, features=False)
    assert alone.levels == ()
    assert torch.equal(alone.probabilities, teachers.lesson(VIEWS, features=True).probabilities)
