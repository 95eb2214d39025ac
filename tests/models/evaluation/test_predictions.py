"""Predictions of a bundle over images on disk."""

import numpy as np
import pytest
from PIL import Image

from models.bundle.loading import load_bundle
from models.bundle.manifest import Calibration
from models.ensemble import open_ensemble
from models.errors import DatasetRefused, NonFiniteOutput
from models.evaluation.predictions import predict
from models.picture import read_picture
from models.preprocess import preprocess
from tests.models.bundles import replace_weights
from tests.models.evaluation.predicted import a_sample, some_predictions


@pytest.fixture
def samples(tmp_path):
    """Five readable pictures of different shapes; between them one that is cut short and one that is none."""
    chosen = []
    for number in range(7):
        path = tmp_path / f"{number}.png"
        ramp = np.add.outer(np.arange(40 + number), np.arange(60)).astype(np.uint8) * 2
        Image.fromarray(ramp).save(path)
        chosen.append(a_sample(number, abnormal=number % 2 == 0, image=path))
    cut, none = chosen[2].image, chosen[5].image
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    none.write_text("a letter")
    return tuple(chosen)


def test_logits_and_maps_are_those_of_the_ensemble(bundle, samples):
    loaded = load_bundle(bundle)
    readable = [samples[number] for number in (0, 1, 3, 4, 6)]
    ensemble = open_ensemble(loaded, "cpu")

    found = predict(loaded, readable, device="cpu", batch=2)

    for place, sample in enumerate(readable):
        view = preprocess(read_picture(sample.image), ensemble.preprocessing)
        (members,) = ensemble.predict(view[np.newaxis])
        for number, member in enumerate(members):
            assert found.logits[number, place] == pytest.approx(member.logit, abs=1e-4)
            assert found.probabilities[number, place] == pytest.approx(member.probability, abs=1e-4)
            assert np.allclose(found.activations[number, place], member.activation, atol=1e-4)
    assert found.members == ("first", "second")
    assert found.scores(("second",)) == pytest.approx(found.probabilities[1])
    assert found.scores(found.members) == pytest.approx(found.probabilities.mean(axis=0))


def test_images_that_cannot_be_read_are_set_aside_with_the_reason(bundle, samples):
    told: list[int] = []

    found = predict(load_bundle(bundle), samples, device="cpu", batch=3, on_progress=told.append)

    assert [sample.image.name for sample in found.samples] == ["0.png", "1.png", "3.png", "4.png", "6.png"]
    assert found.shapes[:, 0].tolist() == [40, 41, 43, 44, 46]
    assert [each.sample.image.name for each in found.unreadable] == ["2.png", "5.png"]
    assert all(str(each.sample.image) in each.reason for each in found.unreadable)
    assert told == [3, 3, 1]


def test_a_batch_of_which_nothing_can_be_read_is_passed_over(bundle, samples):
    found = predict(load_bundle(bundle), samples, device="cpu", batch=1)

    assert len(found.samples) == 5


def test_logits_and_maps_are_calibrated_alike(bundle, samples):
    loaded = load_bundle(bundle)
    entries = tuple(
        entry.model_copy(update={"calibration": Calibration(scale=2.0, offset=-1.0)})
        for entry in loaded.manifest.members
    )
    calibrated = type(loaded)(
        **{name: getattr(loaded, name) for name in loaded.__slots__}
        | {"manifest": loaded.manifest.model_copy(update={"members": entries})}
    )

    plain = predict(loaded, samples[:2], device="cpu")
    found = predict(calibrated, samples[:2], device="cpu")

    assert np.allclose(found.logits, 2.0 * plain.logits - 1.0)
    assert np.allclose(found.activations, 2.0 * plain.activations - 1.0, atol=1e-5)


def test_no_image_at_all_is_refused(bundle, samples):
    loaded = load_bundle(bundle)

    with pytest.raises(DatasetRefused, match="has no images"):
        predict(loaded, (), device="cpu")
    with pytest.raises(DatasetRefused, match=r"none of the 2 images can be read; the first: .*2\.png"):
        predict(loaded, (samples[2], samples[5]), device="cpu")


def test_a_broken_bundle_is_not_hidden_among_unreadable_images(bundle, samples):
    replace_weights(bundle, "second", lambda state: state["head.bias"].fill_(float("nan")))

    with pytest.raises(NonFiniteOutput):
        predict(load_bundle(bundle), samples, device="cpu")


def test_the_most_extreme_logits_have_probabilities():
    found = some_predictions(studies=2)
    found.logits[0, :2] = (-1000.0, 1000.0)

    assert found.probabilities[0, :2].tolist() == [0.0, 1.0]
