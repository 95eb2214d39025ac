"""This module says why an instance was taken for what it was, as ``ulna explain`` does."""

from dataclasses import dataclass, field

from daemon.config.sections import Study
from daemon.spool import Spool
from daemon.store.values import InstanceRecord
from dicom_io.errors import UnusableInstance
from dicom_io.reading.instance import read_header
from dicom_io.selection.age import ages_of
from dicom_io.selection.explanation import Explanation, explain

_MOST_KEPT = 500


@dataclass(frozen=True, slots=True)
class Explanations:
    """Explains instances by their headers in the spool; what was read last is kept, headers never change."""

    spool: Spool
    study: Study
    _found: dict[str, Explanation | None] = field(default_factory=dict)

    def of(self, record: InstanceRecord) -> Explanation | None:
        """Return what its header says, with the words of this site; None where it cannot be read any more."""
        if record.path not in self._found:
            while len(self._found) >= _MOST_KEPT:
                self._found.pop(next(iter(self._found)), None)
            self._found[record.path] = self._explained(record)
        return self._found.get(record.path)

    def _explained(self, record: InstanceRecord) -> Explanation | None:
        study = self.study
        try:
            header = read_header(
                self.spool.absolute(record.path), fallback_character_set=study.fallback_character_set
            )
        except (UnusableInstance, OSError):
            return None
        return explain(
            header,
            unknown_region=study.unknown_region,
            words=study.words,
            ages=ages_of(header, study.age_rule, received_on=record.received_at.astimezone().date()),
        )
