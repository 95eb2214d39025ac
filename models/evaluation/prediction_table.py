"""Writes predictions as a table. This module is predictions.csv: one image a line."""

import csv
import io

from models.evaluation.evaluation import ENSEMBLE
from models.evaluation.predictions import Predictions

COLUMNS = ("image", "study", "region", "split", "stratum", "label")


def prediction_table(predictions: Predictions) -> str:
    """Return csv with a header: what is known of each image, P(abnormal) by each member, and their mean.

    The label is 1 for abnormal. Probabilities have six digits. Images that could not be read are left out.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow((*COLUMNS, *predictions.members, ENSEMBLE))
    means = predictions.scores(predictions.members)
    for sample, of_members, mean in zip(predictions.samples, predictions.probabilities.T, means, strict=True):
        known = (sample.image, sample.study, sample.region, sample.split, sample.stratum)
        numbers = (f"{each:.6f}" for each in (*of_members, mean))
        writer.writerow((*known, int(sample.abnormal), *numbers))
    return written.getvalue()
