"""Generates predictions of two members over studies, patients, regions and strata."""

from pathlib import Path

import numpy as np

from models.bundle.manifest import Preprocessing
from models.datasets.sample import Box, Sample
from models.evaluation.calibrated_on import CalibratedOn, Overlap
from models.evaluation.plan import Origin, Plan
from models.evaluation.predictions import Predictions, Unreadable
from models.evaluation.summary import evaluate
from tests.models.builders import an_identity

ELSEWHERE = CalibratedOn(overlap=Overlap.NONE, statement="Calibrated elsewhere.")
HERE = CalibratedOn(overlap=Overlap.ALL, statement="Calibrated on these very images.")

REGIONS = ("elbow", "hand", "wrist")


def a_sample(number: int, *, abnormal: bool, **changes) -> Sample:
    facts = {
        "image": Path(f"/images/{number:04}.png"),
        "abnormal": abnormal,
        "split": "val",
        "study": f"study{number // 2}",
        "patient": f"patient{number // 4}",
        "region": REGIONS[number // 2 % 3],
        "boxes": (Box(left=10, top=10, width=20, height=20),) if abnormal else None,
        "stratum": "low resolution" if number // 2 % 2 else "",
    }
    return Sample(**{**facts, **changes})


def some_predictions(studies=60, *, seed=1, sign=1.0, unreadable=0) -> Predictions:
    """Two images a study, two studies a patient; members of AUROC about .9 and .8."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.random(studies) < 0.4, 2)
    samples = tuple(a_sample(number, abnormal=bool(label)) for number, label in enumerate(labels))
    shift = sign * (labels * 2.0 - 1.0)
    logits = np.stack([shift * 0.9, shift * 0.6]) + rng.normal(size=(2, labels.size))
    activations = rng.normal(size=(2, labels.size, 7, 7)).astype(np.float32)
    return Predictions(
        samples=samples,
        members=("first", "second"),
        votes=np.ones(2),
        logits=logits,
        activations=activations,
        shapes=np.full((labels.size, 2), 64),
        preprocessing=Preprocessing(),
        unreadable=tuple(
            Unreadable(sample=a_sample(9000 + number, abnormal=True), reason="not a whole picture <script>")
            for number in range(unreadable)
        ),
    )


def an_evaluation(
    predictions=None,
    *,
    bundle=None,
    origin=None,
    calibrated_on=ELSEWHERE,
    on_progress=lambda done, total: None,
    **plan,
):
    return evaluate(
        some_predictions() if predictions is None else predictions,
        bundle=bundle or an_identity(),
        calibrated_on=calibrated_on,
        origin=origin or Origin(source="csv:some.csv", split="val"),
        plan=Plan(**{"resamples": 60, **plan}),
        on_progress=on_progress,
    )
