"""This module is what the configuration says of taking instances in."""

from dataclasses import dataclass, field
from typing import Literal

from daemon.config.configuration import Config
from dicom_io.reading.text import FALLBACK_CHARACTER_SET
from dicom_io.selection.age import ANY_AGE, AgeRule
from dicom_io.selection.words import Words, shipped_words


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRule:
    """Which instances are taken in, which views count, and how urgent they are."""

    unknown_region: Literal["exclude", "analyze"]
    stat_calling_ae_titles: frozenset[str]
    min_free_bytes: int
    max_open_studies: int
    words: Words = field(default_factory=shipped_words)
    fallback_character_set: str = FALLBACK_CHARACTER_SET
    ages: AgeRule = ANY_AGE
    max_views_per_study: int | None = None

    @classmethod
    def from_config(cls, config: Config) -> "IntakeRule":
        """Read the rule out of a configuration."""
        return cls(
            unknown_region=config.study.unknown_region,
            stat_calling_ae_titles=frozenset(config.study.stat_calling_ae_titles),
            min_free_bytes=config.storage.min_free_bytes,
            max_open_studies=config.storage.max_open_studies,
            words=config.study.words,
            fallback_character_set=config.study.fallback_character_set,
            ages=config.study.age_rule,
            max_views_per_study=config.study.max_views_per_study,
        )
