"""Turns a bundle's reference into the bytes of a safetensors file, and back."""

from collections.abc import Mapping

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from models.bundle.entries import DriftLimits
from models.reference.discriminant import Discriminant
from models.reference.normal import Cloud
from models.reference.reference import MemberReference, Reference, Statistics
from models.reference.tones import TONES

REFERENCE_NAME = "reference.safetensors"

_Tensors = dict[str, NDArray[np.float32]]

_CLOUD = ("mean", "axes", "variances", "rest")
_OTHER = ("other.weights", "other.offset")


def reference_bytes(statistics: Statistics) -> bytes:
    """Return `statistics` as a safetensors file: float32, in "tones/..." and "members/<name>/...".

    The same statistics always give the same bytes.
    """
    tensors = _of_cloud("tones", statistics.tones)
    for name, member in statistics.members.items():
        prefix = f"members/{name}"
        tensors |= _of_cloud(prefix, member.cloud)
        if member.other is not None:
            tensors[f"{prefix}/other.weights"] = member.other.weights.astype(np.float32)
            tensors[f"{prefix}/other.offset"] = np.array([member.other.offset], dtype=np.float32)
    return safetensors.numpy.save(tensors)


def parse_reference(content: bytes, *, channels: Mapping[str, int], limits: DriftLimits) -> Reference:
    """Return the reference in the bytes of its file.

    Parameters
    ----------
    channels
        The length of the embeddings of each member of the bundle, by name. The file may hold fewer of them.
    limits
        Those of the manifest; they say whether other body parts are known.

    Raises
    ------
    ValueError
        It is no safetensors file, or its tensors are not those of the members; the message says which.
    """
    try:
        tensors = safetensors.numpy.load(content)
    except safetensors.SafetensorError as exc:
        raise ValueError(str(exc)) from exc
    knows_others = limits.body_part is not None
    known = {name: length for name, length in channels.items() if f"members/{name}/mean" in tensors}
    _check_names(tensors, members=known or channels, knows_others=knows_others)
    members = {}
    for name, length in known.items():
        prefix = f"members/{name}"
        cloud = _cloud(tensors, prefix)
        other = _discriminant(tensors, prefix) if knows_others else None
        if {len(cloud.mean), length if other is None else len(other.weights)} != {length}:
            raise ValueError(f"{prefix} is not of embeddings of {length} numbers")
        members[name] = MemberReference(cloud=cloud, other=other)
    of_tones = _cloud(tensors, "tones")
    if len(of_tones.mean) != len(TONES):
        raise ValueError(f"tones are {len(of_tones.mean)} numbers, not {len(TONES)}")
    return Reference(statistics=Statistics(tones=of_tones, members=members), limits=limits)


def _check_names(tensors: Mapping[str, object], *, members: Mapping[str, int], knows_others: bool) -> None:
    parts = _CLOUD + (_OTHER if knows_others else ())
    expected = {f"tones/{part}" for part in _CLOUD} | {
        f"members/{m}/{part}" for m in members for part in parts
    }
    if expected != tensors.keys():
        missing, surplus = sorted(expected - tensors.keys()), sorted(tensors.keys() - expected)
        raise ValueError(
            f"missing: {', '.join(missing) or 'nothing'}; unknown: {', '.join(surplus) or 'nothing'}"
        )


def _of_cloud(prefix: str, cloud: Cloud) -> _Tensors:
    return {
        f"{prefix}/mean": cloud.mean.astype(np.float32),
        f"{prefix}/axes": cloud.axes.astype(np.float32),
        f"{prefix}/variances": cloud.variances.astype(np.float32),
        f"{prefix}/rest": np.array([cloud.rest], dtype=np.float32),
    }


def _cloud(tensors: Mapping[str, NDArray[np.float32]], prefix: str) -> Cloud:
    mean, axes, variances, rest = (tensors[f"{prefix}/{part}"].astype(np.float64) for part in _CLOUD)
    if axes.ndim != 2 or rest.shape != (1,):
        raise ValueError(f"{prefix}: axes {axes.shape} and rest {rest.shape} must be (k, D) and (1,)")
    return Cloud(mean=mean, axes=axes, variances=variances, rest=float(rest[0]))


def _discriminant(tensors: Mapping[str, NDArray[np.float32]], prefix: str) -> Discriminant:
    weights, offset = (tensors[f"{prefix}/{part}"].astype(np.float64) for part in _OTHER)
    if offset.shape != (1,):
        raise ValueError(f"{prefix}: other.offset {offset.shape} must be (1,)")
    return Discriminant(weights=weights, offset=float(offset[0]))
