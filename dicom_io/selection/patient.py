"""This module tells whether two headers name one patient."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

_BETWEEN_NAMES = re.compile(r"[\s^=,.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientIdentity:
    """Who an instance says that it shows; empty where it does not say."""

    patient_id: str
    issuer_of_patient_id: str
    patient_name: str

    def contradicts(self, other: "PatientIdentity") -> bool:
        """Return whether the two cannot be one patient.

        A value that is absent contradicts none. An ID counts within its issuer. Where one has no ID, the
        name is all that speaks for them; beside two IDs that agree it does not count, since names are
        spelled in many ways.

        >>> known = PatientIdentity(patient_id="1", issuer_of_patient_id="A", patient_name="DOE^JANE")
        >>> nameless = PatientIdentity(patient_id="", issuer_of_patient_id="", patient_name="")
        >>> stranger = PatientIdentity(patient_id="", issuer_of_patient_id="", patient_name="ROE^JOHN")
        >>> known.contradicts(nameless), known.contradicts(stranger)
        (False, True)
        """
        if _differ(self.issuer_of_patient_id.strip(), other.issuer_of_patient_id.strip()):
            return True
        if self.patient_id.strip() and other.patient_id.strip():
            return self.patient_id.strip() != other.patient_id.strip()
        return _differ(_letters(self.patient_name), _letters(other.patient_name))

    def completed_by(self, other: "PatientIdentity") -> "PatientIdentity":
        """Return the identity with what is absent taken from another one that does not contradict it."""
        if self.patient_id.strip():
            return PatientIdentity(
                patient_id=self.patient_id,
                issuer_of_patient_id=self.issuer_of_patient_id or other.issuer_of_patient_id,
                patient_name=self.patient_name or other.patient_name,
            )
        return PatientIdentity(
            patient_id=other.patient_id,
            issuer_of_patient_id=other.issuer_of_patient_id or self.issuer_of_patient_id,
            patient_name=other.patient_name or self.patient_name,
        )


NOBODY = PatientIdentity(patient_id="", issuer_of_patient_id="", patient_name="")
"""Of whom nothing is said, as of a picture file."""


def one_patient(identities: Iterable[PatientIdentity]) -> PatientIdentity | None:
    """Return the one patient whom all may name, as completely as they do; None where two contradict.

    >>> jane = PatientIdentity(patient_id="1", issuer_of_patient_id="", patient_name="DOE^JANE")
    >>> john = PatientIdentity(patient_id="2", issuer_of_patient_id="", patient_name="ROE^JOHN")
    >>> one_patient([NOBODY, jane]) == jane, one_patient([jane, NOBODY, john])
    (True, None)
    """
    distinct = tuple(dict.fromkeys(identities))
    if any(one.contradicts(other) for one, other in combinations(distinct, 2)):
        return None
    patient = NOBODY
    for identity in distinct:
        patient = patient.completed_by(identity)
    return patient


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def _letters(name: str) -> str:
    """Return a name without what is spelled differently from device to device."""
    return " ".join(part for part in _BETWEEN_NAMES.split(name.casefold()) if part)
