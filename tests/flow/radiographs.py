"""Studies to send.

All tests share one daemon and one archive, so that each module has numbers of its own: `test_main_way` 1 to 9
and 100 to 139, `test_bad_input` 10 to 19, `test_one_patient` 20 to 29, `test_service` 30 to 49,
`test_destinations` 50 to 59, `test_trained_bundle` 90 to 99, `test_killed` from 500.
"""

from pathlib import Path
from typing import Any

import numpy as np

from tests.factories import make_instance, uid, write_instance

_VIEW_POSITIONS = ("PA", "LL", "RLO", "AP")


def wrist_study(folder: Path, study: int, *, views: int = 3, **elements: Any) -> list[Path]:
    """Write the views of a right wrist: frontal, lateral, oblique, frontal; give their files."""
    return [wrist_view(folder, study, number, **elements) for number in range(1, views + 1)]


def wrist_view(folder: Path, study: int, number: int, **elements: Any) -> Path:
    """Write one view of a wrist study; every view has other pixels."""
    pixels = np.random.default_rng([study, number]).integers(0, 4096, (256, 192)).astype(np.uint16)
    values: dict[str, Any] = {"ViewPosition": _VIEW_POSITIONS[(number - 1) % 4], **elements}
    instance = make_instance(study=study, instance=number, pixels=pixels, **values)
    folder.mkdir(parents=True, exist_ok=True)
    return write_instance(instance, folder / f"{study}-{number}.dcm")


def study_uid(study: int) -> str:
    """Give the Study Instance UID of a study."""
    return uid(study)
