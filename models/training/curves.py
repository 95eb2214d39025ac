"""Draws how a training went, as a PNG that is written anew after each epoch."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.training.checkpoint import EpochRecord

_INK, _ACCENT = "#1f5f8b", "#c4572b"


def write_curves(folder: Path, architecture: str, history: Sequence[EpochRecord]) -> None:
    """Write `curves.png` and the same numbers as `epochs.csv` into `folder`, replacing earlier ones."""
    figure = Figure(figsize=(10, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    losses, areas = figure.subplots(1, 2)
    epochs = [record.epoch for record in history]
    validated = [record for record in history if record.validation_loss is not None]
    losses.plot(epochs, [record.loss for record in history], color=_INK, label="training objective")
    losses.plot(
        [record.epoch for record in validated],
        [record.validation_loss for record in validated],
        color=_ACCENT,
        marker="o",
        markersize=3,
        label="validation cross-entropy",
    )
    losses.set(title=f"{architecture}: loss", xlabel="epoch", ylabel="loss", ylim=(0, None))
    losses.legend(frameon=False)
    rated = [record for record in validated if record.validation_auroc is not None]
    areas.plot(
        [record.epoch for record in rated],
        [record.validation_auroc for record in rated],
        color=_ACCENT,
        marker="o",
        markersize=3,
    )
    areas.set(title=f"{architecture}: AUROC on validation images", xlabel="epoch", ylim=(0.5, 1.0))
    for axes in (losses, areas):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    _replace(folder / "curves.png", figure)
    _write_table(folder / "epochs.csv", history)


def _replace(path: Path, figure: Figure) -> None:
    unfinished = path.with_suffix(".unfinished")
    # No software version in the file: the same history gives the same bytes.
    figure.savefig(unfinished, format="png", metadata={"Software": None})
    unfinished.replace(path)


def _write_table(path: Path, history: Sequence[EpochRecord]) -> None:
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(EpochRecord)])
        writer.writeheader()
        writer.writerows(asdict(record) for record in history)
    unfinished.replace(path)
