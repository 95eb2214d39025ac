"""Computes learning rates and class weights. This module is the arithmetic of a recipe, and nothing else."""

import math

from models.training.recipe import Schedule


def learning_rate(schedule: Schedule, step: int, steps: int) -> float:
    """Return the learning rate of `step`, counted from 0, out of `steps`.

    "time" is the decay of Keras' optimizers before version 2.11: peak / (1 + decay * step), once per batch.
    """
    if schedule.kind == "time":
        return schedule.peak / (1.0 + schedule.decay * step)
    rising = schedule.warm_up * steps
    if step < rising:
        return schedule.peak * (step + 1) / (rising + 1)
    progress = (step - rising) / max(steps - rising, 1.0)
    return schedule.peak * 0.5 * (1.0 + math.cos(math.pi * progress))


def class_weights(normal: int, abnormal: int) -> tuple[float, float]:
    """Return the weights n / (2 n_class) of normal and abnormal views, of which there are so many.

    Raises
    ------
    ValueError
        A class is missing.
    """
    if min(normal, abnormal) < 1:
        raise ValueError(f"both classes are needed, found {normal} normal and {abnormal} abnormal")
    total = normal + abnormal
    return total / (2 * normal), total / (2 * abnormal)
