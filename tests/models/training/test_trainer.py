from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.errors import CheckpointRefused, TrainingDiverged
from models.networks.member import Member, build_member, initialize
from models.training.average import WeightAverage
from models.training.checkpoint import EpochRecord
from models.training.fingerprint import Fingerprint
from models.training.recipe import Augmentation, Recipe, Stage
from models.training.task import Progress, Task
from models.training.trainer import train_member

from .generated import SIDE, TINY, samples

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MINE: Fingerprint = {"training images": "a", "recipe": "b"}


class Killed(Exception):
    """Stands for a power cut: nobody catches it."""


def fresh() -> Member:
    member = build_member("mobilenet", sharpness=TINY.sharpness)
    initialize(member, 3)
    return member


def task(folder: Path, data: Path, recipe: Recipe = TINY, run: Fingerprint = MINE, **options) -> Task:
    folder.mkdir(exist_ok=True)
    return Task(
        architecture="mobilenet",
        recipe=recipe,
        seed=7,
        training=samples(data, 8),
        validation=samples(data, 4, split="val", seed=1),
        folder=folder,
        run=run,
        precision="float32",
        **options,
    )


def train(work: Task, member: Member, *, on_step: Callable[[Progress], None] = lambda steps: None, **options):
    return train_member(work, member, on_step=on_step, on_epoch=lambda history: None, **options)


def kill_at(epoch: int, step: int) -> Callable[[Progress], None]:
    def on_step(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (epoch, step):
            raise Killed

    return on_step


def weights(member: Member) -> dict[str, torch.Tensor]:
    return member.state_dict()


def without_seconds(history: Sequence[EpochRecord]) -> list[EpochRecord]:
    return [replace(record, seconds=0.0) for record in history]


def test_steps_are_taken_with_repeatable_kernels(tmp_path: Path):
    seen = set()
    train(
        task(tmp_path / "run", tmp_path / "data"),
        fresh(),
        on_step=lambda progress: seen.add(torch.backends.cudnn.deterministic),
    )
    assert seen == {True}


def test_an_interrupted_training_ends_as_an_uninterrupted_one(tmp_path: Path):
    recipe = replace(TINY, stages=(*TINY.stages, Stage(epochs=2, restart=0.5)))
    whole, resumed = fresh(), fresh()
    expected = train(task(tmp_path / "whole", tmp_path / "data", recipe), whole)
    work = task(tmp_path / "cut", tmp_path / "data", recipe)
    # At the begin, within and at the end of stages and rounds.
    for moment in ((1, 2), (2, 1), (3, 1), (4, 2), (5, 1), (6, 1)):
        with pytest.raises(Killed):
            train(work, fresh(), on_step=kill_at(*moment))
    history = train(work, resumed)
    assert without_seconds(history) == without_seconds(expected)
    assert [record.epoch for record in history] == [1, 2, 3, 4, 5, 6]
    assert all(torch.equal(weights(whole)[key], tensor) for key, tensor in weights(resumed).items())


def test_a_round_goes_on_from_the_average_with_a_new_optimizer_and_a_new_rate(tmp_path: Path):
    once = replace(TINY, stages=(Stage(epochs=1),), average=0.9)
    # So small a rate leaves weights where the round began.
    twice = replace(once, stages=(Stage(epochs=1), Stage(epochs=1, restart=1e-12)))
    averaged, again = fresh(), fresh()
    train(task(tmp_path / "once", tmp_path / "data", once), averaged)
    history = train(task(tmp_path / "twice", tmp_path / "data", twice), again)

    kept = torch.load(tmp_path / "twice" / "checkpoint.pt", weights_only=True)["states"]
    assert torch.allclose(again.head.weight, averaged.head.weight, atol=1e-7)
    assert {int(state["step"]) for state in kept["optimizer"]["adam"]["state"].values()} == {2}
    assert kept["average_steps"] == 2
    assert history[1].learning_rate == pytest.approx(1e-12 * history[0].learning_rate)


def test_workers_do_not_change_the_result(tmp_path: Path):
    alone, helped = fresh(), fresh()
    train(task(tmp_path / "alone", tmp_path / "data"), alone)
    train(task(tmp_path / "helped", tmp_path / "data", workers=2), helped)
    assert all(torch.equal(weights(alone)[key], tensor) for key, tensor in weights(helped).items())


def test_a_member_learns_to_tell_the_bright_bar(tmp_path: Path):
    # Orthogonalized steps learn these eight images by heart.
    once = replace(TINY, orthogonal=False, augmentation=Augmentation())
    recipe = replace(once, stages=(Stage(epochs=24),), steps_per_epoch=4)
    member = fresh()
    history = train(task(tmp_path / "run", tmp_path / "data", recipe, validate_every=12), member)
    assert history[-1].loss < 0.9 * history[0].loss
    assert history[-1].validation_auroc == 1.0
    assert [record.epoch for record in history if record.validation_loss is not None] == [12, 24]


def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path: Path):
    train(task(tmp_path / "run", tmp_path / "data"), fresh())
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    other = {**MINE, "training images": "c"}
    with pytest.raises(
        CheckpointRefused, match="another run, which differs from this one in training images;"
    ):
        train(task(tmp_path / "run", tmp_path / "data", run=other), fresh())
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def test_a_checkpoint_of_a_version_that_named_images_is_refused_and_kept(tmp_path: Path):
    work = task(tmp_path / "run", tmp_path / "data")
    # As it was written when a run was one digest, in which images counted by their names.
    torch.save({"run": "0" * 64, "history": [], "states": {}}, work.folder / "checkpoint.pt")
    before = (work.folder / "checkpoint.pt").read_bytes()
    with pytest.raises(
        CheckpointRefused, match=r"another version of ulna .*finish the run with that version"
    ):
        train(work, fresh())
    assert (work.folder / "checkpoint.pt").read_bytes() == before


def test_a_damaged_checkpoint_is_refused_and_kept(tmp_path: Path):
    work = task(tmp_path / "run", tmp_path / "data")
    (work.folder / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointRefused, match="can be read"):
        train(work, fresh())
    assert (work.folder / "checkpoint.pt").read_bytes() == b"not a checkpoint"


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_epoch(tmp_path: Path):
    work = task(tmp_path / "run", tmp_path / "data")
    with pytest.raises(Killed):
        train(work, fresh(), on_step=kill_at(2, 1))
    checkpoint = work.folder / "checkpoint.pt"
    content = torch.load(checkpoint, weights_only=True)
    content["states"]["member"]["head.weight"].fill_(float("nan"))
    torch.save(content, checkpoint)
    before = checkpoint.read_bytes()
    with pytest.raises(TrainingDiverged, match=r"epoch 2, step 1 is nan.*after epoch 1 is kept"):
        train(work, fresh())
    assert checkpoint.read_bytes() == before


def test_a_taught_member_comes_closer_to_its_teacher(tmp_path: Path):
    recipe = replace(TINY, weights=replace(TINY.weights, cells=0.0, teacher_cells=5.0), steps_per_epoch=4)
    teacher = build_member("mobilenet", sharpness=TINY.sharpness)
    initialize(teacher, 11)
    first: list[float] = []

    def keep(progress: Progress) -> None:
        if progress.step == 1:
            first.append(progress.loss)

    history = train(
        task(tmp_path / "run", tmp_path / "data", recipe), fresh(), teachers=[teacher], on_step=keep
    )
    assert history[-1].loss < first[0]


def test_features_are_learned_in_the_stages_that_say_so(tmp_path: Path):
    recipe = replace(TINY, weights=replace(TINY.weights, teacher_features=5.0))
    with_features, map_alone = fresh(), fresh()
    teacher = build_member("mobilenet", sharpness=TINY.sharpness)
    initialize(teacher, 11)
    for name, member in (("both", with_features), ("map", map_alone)):
        stages = (Stage(epochs=1, features=member is with_features),)
        work = task(tmp_path / name, tmp_path / "data", replace(recipe, stages=stages))
        train(work, member, teachers=[teacher])
        kept = torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["states"]["objective"]
        translated = [tensor for key, tensor in kept.items() if key.endswith("num_batches_tracked")]
        assert {int(count) for count in translated} == {2 if member is with_features else 0}
    assert not torch.equal(with_features.head.weight, map_alone.head.weight)


def test_the_average_of_constant_weights_is_these_weights_and_it_forgets_its_start():
    member = fresh()
    average = WeightAverage(member, 0.5)
    with torch.no_grad():
        member.head.weight.fill_(1.0)
    for _ in range(40):
        average.add(member)
    assert torch.allclose(average.state["head.weight"], torch.ones_like(member.head.weight), atol=1e-6)


def test_the_statistics_follow_the_recipe_not_the_architecture(tmp_path: Path):
    recipe = replace(TINY, stages=(Stage(epochs=1),), average=0.0)
    slow, quick = fresh(), fresh()
    key = "backbone.stem_norm.running_mean"
    before = weights(slow)[key].clone()
    train(task(tmp_path / "slow", tmp_path / "data", replace(recipe, norm_momentum=0.0001)), slow)
    assert torch.allclose(weights(slow)[key], before, atol=1e-3)
    train(task(tmp_path / "quick", tmp_path / "data", replace(recipe, norm_momentum=0.9)), quick)
    assert (weights(quick)[key] - before).abs().max() > 0.01


def test_the_input_of_the_tiny_recipe_is_what_its_bundle_says():
    assert TINY.preprocessing.input_size == (SIDE, SIDE)
