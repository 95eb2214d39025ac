"""What is said between the page's process and the one that analyzes for it; both ends are this program.

Each message is one packet. What was found may be larger than one, so it comes in memory whose descriptor goes
with the packet, as views come from the decoding process.
"""

import json
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from daemon.config.sections import Analysis, Study
from daemon.pipeline.file_study import AnalyzedFile

MAX_MESSAGE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetting:
    """How the process that analyzes is set up: as the analyzer of the same configuration is."""

    bundle: Path
    operating_point: str
    device: str = "auto"
    study: Study

    @classmethod
    def of(cls, analysis: Analysis, study: Study) -> Self:
        """Return the setting that is configured for the analyzer."""
        return cls(
            bundle=analysis.bundle,
            operating_point=analysis.operating_point,
            device=analysis.device,
            study=study,
        )

    def to_text(self) -> str:
        """Return it as an argument of a command."""
        values = {"bundle": str(self.bundle), "operating_point": self.operating_point, "device": self.device}
        return json.dumps({**values, "study": self.study.model_dump_json()})

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read it."""
        values = json.loads(text)
        study = Study.model_validate_json(values.pop("study"))
        return cls(**(values | {"bundle": Path(values["bundle"]), "study": study}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What the process says first: that it is ready, with which bundle, or why it will never be."""

    digest: str = ""
    problem: str = ""

    def to_bytes(self) -> bytes:
        """Return the message."""
        problem = self.problem.encode()[: MAX_MESSAGE_BYTES // 4].decode(errors="ignore")
        return json.dumps({"digest": self.digest, "problem": problem}).encode()

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Read the message."""
        return cls(**json.loads(message))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A file to analyze, whose descriptor goes with it."""

    is_picture: bool

    def to_bytes(self) -> bytes:
        """Return the message."""
        return json.dumps({"is_picture": self.is_picture}).encode()

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Read the message."""
        return cls(**json.loads(message))


def _read_only(values: dict[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(values)


class _Pickler(pickle.Pickler):
    """Also takes the read-only mappings that reasons have their details in."""

    dispatch_table = MappingProxyType({MappingProxyType: lambda view: (_read_only, (dict(view),))})


def to_memory(file: AnalyzedFile) -> int:
    """Return the descriptor of memory that holds what was found."""
    memory = os.memfd_create("found")
    with open(memory, "wb", closefd=False) as stream:
        _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(file)
    return memory


def from_memory(memory: int) -> AnalyzedFile:
    """Read what was found, and close the descriptor."""
    found: Any
    with open(memory, "rb") as stream:
        stream.seek(0)  # the writer's descriptor shares its position
        found = pickle.load(stream)  # bytes of strangers never come here: our own worker writes them
    assert isinstance(found, AnalyzedFile)
    return found
