from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.bundle import load_bundle
from models.datasets.sample import Sample
from models.errors import BundleExists, TrainingRefused, UnreadablePicture
from models.evaluation.cases import Level
from models.evaluation.metrics import auroc
from models.evaluation.predictions import predict
from models.evaluation.votes import fit_votes
from models.manifest import Preprocessing
from models.member import build_member, initialize
from models.picture import read_picture
from models.preprocess import preprocess
from models.training.assembly import Description, Trained, assemble
from models.training.rating import Rating
from models.training.recipes import PAPER, ULNA, ULNA_FROM_NOTHING, ULNA_TAUGHT
from models.training.run import Run, require_readable, train_members
from models.training.start import Start
from models.training.teaching import Guest

from .generated import SIDE, samples

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NOTHING = Start()


def run(folder: Path, **options) -> Run:
    return Run(folder=folder, recipe="paper", starts={"mobilenet": NOTHING}, epochs=1, **options)


def nothing(*ignored: object) -> None:
    """Take no notice of progress."""


def test_the_teacher_is_trained_first():
    starts = {"densenet201": NOTHING, "mobilenet": Start(kind="torchvision"), "nasnetmobile": NOTHING}
    plan = Run(folder=Path("run"), recipe="ulna", starts=starts, teacher="mobilenet")
    assert plan.order == ("mobilenet", "densenet201", "nasnetmobile")
    with pytest.raises(TrainingRefused, match="xception is not among the members"):
        replace(plan, teacher="xception")


def test_a_teacher_that_is_trained_teaches_those_from_nothing_and_one_from_a_bundle_teaches_all():
    starts = {"densenet201": NOTHING, "mobilenet": Start(kind="torchvision")}
    plan = Run(folder=Path("run"), recipe="ulna", starts=starts, teacher="mobilenet")
    guest = Guest(architecture="mobilenet", start=Start(kind="bundle", path=Path("bundle")))
    invited = replace(plan, teacher=None, guests=(guest,))

    assert [plan.is_taught(name) for name in starts] == [True, False]
    assert [invited.is_taught(name) for name in starts] == [True, True]
    # Whoever starts from nothing takes the longer course on small cuts, taught by whomever.
    assert invited.recipe_of("densenet201") == plan.recipe_of("densenet201") == ULNA_FROM_NOTHING
    assert (invited.recipe_of("mobilenet"), plan.recipe_of("mobilenet")) == (ULNA_TAUGHT, ULNA)
    with pytest.raises(TrainingRefused, match="either mobilenet, trained here, teaches"):
        replace(plan, guests=(guest,))


def test_what_a_run_changes_in_its_recipe():
    plan = run(Path("run"), steps_per_epoch=3, learning_rate=0.5)
    recipe = plan.recipe_of("mobilenet")
    assert (recipe.epochs, recipe.steps_per_epoch, recipe.schedule.peak) == (1, 3, 0.5)
    assert recipe.schedule.decay == 1e-4


def test_without_boxes_every_view_is_a_whole_radiograph():
    plan = Run(folder=Path("run"), recipe="ulna", starts={"mobilenet": Start(kind="torchvision")}, cuts=False)
    recipe = plan.recipe_of("mobilenet")
    assert {(stage.side, stage.whole_every) for stage in recipe.stages} == {(None, 0)}
    # 16 whole radiographs of 448 px have the pixels of 64 cuts of 224 px: no more memory than those.
    assert (recipe.epochs, recipe.rounds, recipe.batch) == (ULNA.epochs, ULNA.rounds, 16)
    assert replace(plan, recipe="paper").recipe_of("mobilenet") == PAPER


def test_unreadable_images_are_named_before_training(tmp_path: Path):
    data = samples(tmp_path, 4)
    data[2].image.write_bytes(data[2].image.read_bytes()[:60])
    with pytest.raises(UnreadablePicture, match=r"1 of 4 images cannot be read: .*train2\.png"):
        require_readable(data)


def test_a_part_without_abnormal_images_is_refused(tmp_path: Path):
    data = samples(tmp_path, 4)
    normal = [sample for sample in data if not sample.abnormal]
    with pytest.raises(TrainingRefused, match="validation part needs normal and abnormal"):
        train_members(run(tmp_path), data, normal, on_step=nothing, on_epoch=nothing)


def test_a_start_that_cannot_be_is_found_before_any_member_is_trained(tmp_path: Path):
    starts = {"mobilenet": NOTHING, "xception": Start(kind="torchvision")}
    plan = Run(folder=tmp_path / "run", recipe="paper", starts=starts, epochs=1)
    data = samples(tmp_path / "data", 4)
    with pytest.raises(TrainingRefused, match="no weights of xception"):
        train_members(plan, data, data, on_step=nothing, on_epoch=nothing)
    assert not (tmp_path / "run").exists()


def test_a_run_leaves_its_curves_and_numbers_and_refuses_other_data(tmp_path: Path):
    data = samples(tmp_path / "data", 6)
    plan = run(tmp_path / "run", precision="float32")
    (trained,) = train_members(plan, data, data, on_step=nothing, on_epoch=nothing)
    assert trained.architecture == "mobilenet"
    folder = tmp_path / "run" / "mobilenet"
    with Image.open(folder / "curves.png") as curves:
        assert min(curves.size) > 300
    header, row = (folder / "epochs.csv").read_text().splitlines()
    assert header.split(",")[:2] == ["epoch", "loss"]
    assert row.startswith("1,")
    with pytest.raises(TrainingRefused, match="another run"):
        train_members(plan, data[:4], data, on_step=nothing, on_epoch=nothing)


DESCRIPTION = Description(
    name="tiny",
    version="1",
    license="none",
    intended_use="test",
    training_data="generated",
    validation_data="generated",
    training_recipe="none",
)
SPEC = Preprocessing(input_size=(SIDE, SIDE))


def test_a_bundle_states_what_it_does_when_it_is_loaded_again(tmp_path: Path):
    data = samples(tmp_path / "data", 24)
    members = [upright(random_member(str(seed), seed), data) for seed in (1, 2)]

    manifest = assemble(
        tmp_path / "bundle", members, SPEC, DESCRIPTION, Rating(validation=data, level=Level.IMAGE, seed=0)
    )

    found = predict(load_bundle(tmp_path / "bundle"), data, device="cpu")
    assert [entry.vote for entry in manifest.members] == pytest.approx(
        fit_votes(found.labels, found.probabilities), abs=1e-6
    )
    assert manifest.members[0].vote != pytest.approx(0.5, abs=1e-3)
    stated = {metric.name: metric.value for metric in manifest.metrics}
    assert stated["auroc ensemble"] == pytest.approx(auroc(found.labels, found.scores(found.members)))
    point = {point.name: point for point in manifest.operating_points}["sensitive"]
    flagged = found.scores(found.members) >= point.threshold
    assert point.sensitivity == pytest.approx(flagged[found.labels].mean())


def random_member(name: str, seed: int) -> Trained:
    member = build_member("mobilenet")
    initialize(member, seed)
    return Trained(name=f"member{name}", architecture="mobilenet", member=member)


def upright(trained: Trained, data: Sequence[Sample]) -> Trained:
    """Turn the head of a random member round if it takes normal for abnormal."""
    views = np.stack([preprocess(read_picture(sample.image), SPEC) for sample in data])
    with torch.inference_mode():
        logits = trained.member(torch.from_numpy(views)[:, None].expand(-1, 3, -1, -1)).logit.numpy()
    if (auroc(np.array([sample.abnormal for sample in data]), logits) or 0.0) < 0.5:
        with torch.no_grad():
            trained.member.head.weight.neg_()
            trained.member.head.bias.neg_()
    return trained


def test_a_bundle_is_not_written_over(tmp_path: Path):
    (tmp_path / "bundle").mkdir()
    with pytest.raises(BundleExists):
        assemble(
            tmp_path / "bundle",
            [random_member("", 0)],
            SPEC,
            DESCRIPTION,
            Rating(validation=samples(tmp_path / "data", 12), level=Level.IMAGE, seed=0),
        )
