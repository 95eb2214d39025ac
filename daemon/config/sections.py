"""This module is the sections of the configuration, each a frozen value that checks its own keys."""

import math
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from daemon.config.page_address import host_name, loopback
from daemon.couriers.registry import known_kind
from daemon.process.node import NODE_PATTERN
from daemon.store.result_kind import ResultKind
from dicom_io.errors import VocabularyInvalid
from dicom_io.selection.age import AgeRule
from dicom_io.selection.words import Words, words_with
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder

AeTitle = Annotated[
    str,
    Field(
        min_length=1,
        max_length=16,
        pattern=r"^[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]*[\x21-\x5b\x5d-\x7e])?$",
        description="an AE title: 1 to 16 printable ASCII characters, no backslash, no space at either end",
    ),
]
Port = Annotated[int, Field(ge=1, le=65535)]
ListenPort = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Result = Annotated[ResultKind, Field(strict=False)]
_USUAL_RESULTS = (ResultKind.STRUCTURED_REPORT, ResultKind.SECONDARY_CAPTURE)
BundleFolder = Annotated[Path, Field(strict=False), AfterValidator(bundle_folder)]

# fmt: off
FallbackCharacterSet = Literal[
    "ISO_IR 100", "ISO_IR 101", "ISO_IR 109", "ISO_IR 110", "ISO_IR 144", "ISO_IR 127", "ISO_IR 126",
    "ISO_IR 138", "ISO_IR 148", "ISO_IR 13", "ISO_IR 166", "ISO 2022 IR 149", "GB18030", "GBK",
]
# fmt: on


class Section(BaseModel):
    """A table of the configuration: frozen, typed strictly, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Storage(Section):
    """[storage]: where studies and results lie, and how much of them."""

    data_dir: Annotated[Path, Field(strict=False)] = Path("/var/lib/ulna")
    node: Annotated[str, Field(pattern=f"^$|{NODE_PATTERN}")] = ""
    database_url: str = ""
    retention_days: Annotated[int, Field(ge=1)] = 30
    event_days: Annotated[int, Field(ge=1)] = 365
    measurement_days: Annotated[int, Field(ge=1)] = 1_825
    min_free_bytes: Annotated[int, Field(ge=0)] = 2_000_000_000
    max_open_studies: Annotated[int, Field(ge=1)] = 2_000

    @property
    def exports(self) -> Path:
        """Where the analyzer keeps what its engine computes from."""
        return self.data_dir / "engines"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if url and not url.startswith(("sqlite:///", "postgresql+pg8000://")):
            raise ValueError("must be empty, sqlite:///PATH or postgresql+pg8000://USER@HOST/NAME")
        return url


class Peer(Section):
    """One entry of receiver.allowed_peers; an empty host allows the AE title from anywhere."""

    ae_title: AeTitle
    host: str = ""

    @field_validator("host")
    @classmethod
    def _one_host(cls, host: str) -> str:
        if "/" in host or "*" in host:
            raise ValueError(
                "must be one address or one host name, networks are not supported; "
                "write an entry for each host, or leave host out to allow the AE title from anywhere"
            )
        return host


class Receiver(Section):
    """[receiver]: the Storage and Verification SCP."""

    ae_title: AeTitle = "ULNA"
    host: str = "0.0.0.0"
    port: ListenPort = 11112
    allowed_peers: Annotated[tuple[Peer, ...], Field(strict=False)] = ()
    allow_any_peer: bool = False
    max_associations: Annotated[int, Field(ge=1, le=500)] = 32
    max_associations_per_host: Annotated[int, Field(ge=1)] = 16
    max_instance_bytes: Annotated[int, Field(ge=1_000_000)] = 512_000_000
    network_timeout_seconds: Seconds = 30.0

    @model_validator(mode="after")
    def _one_rule_for_peers(self) -> Self:
        if self.allow_any_peer and self.allowed_peers:
            raise ValueError("allow_any_peer = true contradicts a list in allowed_peers; keep one of them")
        return self

    @model_validator(mode="before")
    @classmethod
    def _half_for_one_host(cls, said: Any) -> Any:
        in_all = said.get("max_associations") if isinstance(said, dict) else None
        if isinstance(in_all, int) and "max_associations_per_host" not in said:
            return {**said, "max_associations_per_host": max((in_all + 1) // 2, 1)}
        return said

    @field_validator("max_associations_per_host")
    @classmethod
    def _no_host_has_more_than_all(cls, per_host: int, info: ValidationInfo) -> int:
        in_all = info.data.get("max_associations")
        if in_all is not None and per_host > in_all:
            raise ValueError(f"must be at most max_associations, which is {in_all}")
        return per_host


class Watcher(Section):
    """[watcher]: folders whose files are taken in."""

    folders: Annotated[tuple[Annotated[Path, Field(strict=False)], ...], Field(strict=False)] = ()
    settle_seconds: Seconds = 2.0


_WAITS = ("settle_seconds", "quiet_seconds", "max_wait_seconds")  # of [study], the shortest first


def _path_or_none(value: object) -> object:
    return (Path(value) if value else None) if isinstance(value, str) else value


def _usable_words(path: Path | None) -> Path | None:
    try:
        words_with(path)
    except VocabularyInvalid as error:
        raise ValueError(str(error)) from error
    return path


class Study(Section):
    """[study]: when a study is complete, and which views count.

    The three times are in order; one that is not set follows those that are, where its default would not fit.
    """

    quiet_seconds: Seconds = 60.0
    settle_seconds: Seconds = 5.0
    max_wait_seconds: Seconds = 600.0
    close_on_expected_views: bool = True
    max_views_per_study: Annotated[int, Field(ge=1)] = 40
    unknown_region: Literal["exclude", "analyze"] = "exclude"
    vocabulary: Annotated[Path | None, BeforeValidator(_path_or_none), AfterValidator(_usable_words)] = None
    fallback_character_set: FallbackCharacterSet = "ISO_IR 100"
    stat_calling_ae_titles: Annotated[tuple[AeTitle, ...], Field(strict=False)] = ()
    minimum_age_years: Annotated[int, Field(ge=0, le=120)] = 18
    below_minimum_age: Literal["caution", "exclude"] = "caution"
    max_age_days: Annotated[int, Field(ge=0, le=36_500)] = 14
    beyond_max_age: Literal["low", "exclude"] = "low"

    @property
    def age_rule(self) -> AgeRule:
        """What is asked here of the ages of patients and studies."""
        return AgeRule(
            minimum_age_years=self.minimum_age_years,
            below_minimum_age=self.below_minimum_age,
            max_age_days=self.max_age_days,
            beyond_max_age=self.beyond_max_age,
        )

    @property
    def words(self) -> Words:
        """What the words and codes of headers mean here."""
        return words_with(self.vocabulary)

    @model_validator(mode="before")
    @classmethod
    def _unset_waits_follow(cls, said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        given = {name: said[name] for name in _WAITS if name in said}
        # What is no time is told of its own key alone.
        if not all(type(value) in (int, float) and 0 < value < math.inf for value in given.values()):
            return said
        followed = dict(said)
        for position, name in enumerate(_WAITS):
            least = max((given[one] for one in _WAITS[:position] if one in given), default=0.0)
            most = min((given[one] for one in _WAITS[position:] if one in given), default=math.inf)
            followed.setdefault(name, min(max(cls.model_fields[name].default, least), most))
        return followed

    @model_validator(mode="after")
    def _waits_in_order(self) -> Self:
        if not self.settle_seconds <= self.quiet_seconds <= self.max_wait_seconds:
            raise ValueError(
                "settle_seconds <= quiet_seconds <= max_wait_seconds must hold, not "
                f"{self.settle_seconds:g}, {self.quiet_seconds:g}, {self.max_wait_seconds:g}"
            )
        return self


class Analysis(Section):
    """[analysis]: the bundle and how it runs.

    `bundle` is a folder; a name of `models.bundle.shipped` is turned into the folder that it stands for.
    """

    bundle: BundleFolder = bundle_folder(DEFAULT_BUNDLE)
    allow_untrained: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    engine: Literal["auto", "torch", "openvino"] = "auto"
    precision: Literal["auto", "f32"] = "auto"
    max_batch: Annotated[int, Field(ge=1, le=256)] = 8
    operating_point: Annotated[str, Field(min_length=1)] = "sensitive"

    @model_validator(mode="after")
    def _engine_runs_on_the_device(self) -> Self:
        if self.engine == "openvino" and self.device == "cuda":
            raise ValueError('engine = "openvino" runs on the CPU: set device = "cpu", or engine = "torch"')
        return self


class Destination(Section):
    """[[destinations]]: one place that gets results; its kind decides how they travel."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    kind: Annotated[str, AfterValidator(known_kind)] = "dicom"
    ae_title: AeTitle
    host: Annotated[str, Field(min_length=1)]
    port: Port
    results: Annotated[tuple[Result, ...], Field(strict=False, min_length=1)] = _USUAL_RESULTS
    calling_ae_title: AeTitle = "ULNA"
    timeout_seconds: Seconds = 30.0


class Web(Section):
    """[web]: the worklist page, which only reads, and the predictor, which keeps nothing."""

    enabled: bool = True
    host: Annotated[str, AfterValidator(loopback)] = "127.0.0.1"
    port: ListenPort = 8080
    host_names: Annotated[tuple[Annotated[str, AfterValidator(host_name)], ...], Field(strict=False)] = ()
    predictor: bool = True


class Logging(Section):
    """[logging]: what is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "text"
