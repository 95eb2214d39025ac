"""Says which features of a student are to be like which of its teacher's. This module knows levels only."""

from collections.abc import Sequence

from models.networks.backbone import Level


def paired_levels(student: Sequence[Level], teacher: Sequence[Level]) -> tuple[tuple[int, int], ...]:
    """Pair the levels of two backbones that have one stride, at like shares of the way through that stride.

    The one with fewer levels of a stride has all of them paired, and the last goes with the last.

    Returns
    -------
    tuple[tuple[int, int], ...]
        Places in `student` and in `teacher`, ascending.
    """
    pairs: list[tuple[int, int]] = []
    for stride in sorted({level.stride for level in student}):
        mine = [place for place, level in enumerate(student) if level.stride == stride]
        theirs = [place for place, level in enumerate(teacher) if level.stride == stride]
        count = min(len(mine), len(theirs))
        pairs.extend(zip(_spread(mine, count), _spread(theirs, count), strict=True))
    return tuple(pairs)


def _spread(places: Sequence[int], count: int) -> list[int]:
    """Return `count` of `places` at even distances, the last among them."""
    return [places[-(-number * len(places) // count) - 1] for number in range(1, count + 1)]
