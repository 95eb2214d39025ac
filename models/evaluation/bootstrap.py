"""Draws bootstrap intervals, resampled by cluster.

Images of one study and studies of one patient are alike, so they are drawn together: a resample draws as many
clusters as there are, with replacement, and takes all samples of each (Davison and Hinkley 1997, 3.8). The
interval is the percentile interval (Efron 1979).
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

# Below this share of resamples that define the statistic, those that do no longer stand for the data.
_ENOUGH = 0.5
# Numbers held at once while drawing, 32 MB of float64, however many samples there are.
_BLOCK = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The middle part of a statistic's bootstrap distribution.

    `dropped` counts the resamples for which the statistic was not defined, such as those of one class.
    """

    low: float
    high: float
    dropped: int = 0


def bootstrap_interval(
    statistic: Callable[[NDArray[np.intp]], float | None],
    clusters: Sequence[Hashable],
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> Interval | None:
    """Return the interval of any statistic, at one call per resample; `bootstrap_intervals` is quicker.

    Parameters
    ----------
    statistic
        Takes the indices (n,) of the samples drawn, repeated as drawn; None where it is not defined.
    clusters
        N names: the cluster of each sample.
    level
        The share of resamples inside the interval.

    Returns
    -------
    Interval | None
        None if the statistic is defined for fewer than half of the resamples.

    Raises
    ------
    ValueError
        There is no sample, or `resamples` or `level` makes no sense.
    """
    values = []
    for weights in _drawn_weights(clusters, resamples, level, seed):
        for row in weights.astype(np.intp):
            value = statistic(np.repeat(np.arange(row.size), row))
            values.append(np.nan if value is None else value)
    return _percentiles(np.array(values), level)


def bootstrap_intervals(
    statistics: Callable[[_Floats], Mapping[str, _Floats]],
    clusters: Sequence[Hashable],
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> dict[str, Interval | None]:
    """Return the intervals of several statistics of the same resamples, computed block by block.

    The resamples of one seed are those of `bootstrap_interval`, whose other parameters and errors hold here.

    Parameters
    ----------
    statistics
        Takes weights (R, N), how often each resample drew each sample, for any R; returns (R,) for each
        statistic, NaN where it is not defined, as the functions of `models.evaluation.weighted` do.
    """
    blocks = [statistics(weights) for weights in _drawn_weights(clusters, resamples, level, seed)]
    return {
        name: _percentiles(np.concatenate([block[name] for block in blocks]), level) for name in blocks[0]
    }


def bootstrap_pair_intervals(
    statistics: Callable[[NDArray[np.intp], NDArray[np.intp]], Mapping[str, float | None]],
    clusters: Sequence[Hashable],
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> dict[str, Interval | None]:
    """Return the intervals of what is chosen on one draw of clusters and measured on another.

    Their spread is that of a choice made anew, and that of new samples to which it is applied. Parameters and
    errors are those of `bootstrap_interval`, but for `statistics`, which takes the indices of both draws.
    """
    draws = (_drawn_weights(clusters, resamples, level, (seed, draw)) for draw in range(2))
    values: dict[str, list[float]] = {}
    for first, second in zip(*draws, strict=True):
        for chosen_on, measured_on in zip(first.astype(np.intp), second.astype(np.intp), strict=True):
            everything = np.arange(chosen_on.size)
            found = statistics(np.repeat(everything, chosen_on), np.repeat(everything, measured_on))
            for name, value in found.items():
                values.setdefault(name, []).append(np.nan if value is None else value)
    return {name: _percentiles(np.array(column), level) for name, column in values.items()}


def _drawn_weights(
    clusters: Sequence[Hashable], resamples: int, level: float, seed: int | tuple[int, int]
) -> Iterator[_Floats]:
    """Yield blocks (R, N) of how often each resample draws each sample, `resamples` rows in all."""
    if not clusters or resamples < 1 or not 0.0 < level < 1.0:
        raise ValueError(
            f"a bootstrap needs samples, resamples and a level between 0 and 1, not {len(clusters)} samples, "
            f"{resamples} resamples and level {level}"
        )
    numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    cluster_of = np.array([numbers[name] for name in clusters])
    generator = np.random.default_rng(seed)
    equal = np.full(len(numbers), 1.0 / len(numbers))
    rows = max(1, _BLOCK // len(clusters))
    for start in range(0, resamples, rows):
        drawn = generator.multinomial(len(numbers), equal, size=min(rows, resamples - start))
        yield drawn[:, cluster_of].astype(np.float64)


def _percentiles(values: _Floats, level: float) -> Interval | None:
    defined = values[~np.isnan(values)]
    if defined.size < _ENOUGH * values.size:
        return None
    low, high = np.quantile(defined, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(low=float(low), high=float(high), dropped=values.size - defined.size)
