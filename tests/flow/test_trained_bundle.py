"""From labeled pictures to a flag in the PACS: train, evaluate, serve."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.cli import main
from tests.factories import make_instance, write_instance
from tests.flow.orthanc import AE_TITLE, Orthanc
from tests.flow.radiographs import study_uid
from tests.flow.service import running_service
from tests.models.training.generated import samples, write_table

pytestmark = [pytest.mark.flow, pytest.mark.slow]


def instance_of(picture: Path, folder: Path, study: int) -> Path:
    """Write the picture, enlarged, as the only view of a study."""
    with Image.open(picture) as opened:
        pixels = np.asarray(opened.resize((256, 256))).astype(np.uint16) * 16
    return write_instance(make_instance(study=study, instance=1, pixels=pixels), folder / f"{study}.dcm")


def test_a_bundle_that_was_trained_here_flags_the_abnormal_study(
    orthanc: Orthanc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, run = tmp_path / "bars.csv", tmp_path / "run"
    validation = samples(tmp_path / "data", 16, split="val", seed=1)
    write_table(table, samples(tmp_path / "data", 24) + validation)
    quick = ["--members", "mobilenet", "--recipe", "paper", "--epochs", "4", "--learning-rate", "0.001"]
    # After so few steps raw sigmoids are on either side of anything but 0.5.
    quick += ["--rule", "ulna"]
    words = ["--license", "CC0", "--training-data", "generated bars", "--workers", "0"]
    assert main(["train", str(run), "--data", f"csv:{table}", *quick, *words]) == 0

    bundle = run / "bundle"
    capsys.readouterr()
    assert main(["evaluate", str(bundle), "--data", f"csv:{table}", "--split", "val", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["images"] == len(validation)

    destinations = [("orthanc", AE_TITLE, orthanc.dicom_port)]
    with running_service(tmp_path / "ulna", bundle, destinations=destinations, engine="auto") as service:
        normal, abnormal = (instance_of(validation[n].image, tmp_path, 90 + n) for n in (0, 1))
        assert service.storescu([normal, abnormal]).returncode == 0
        for study in (90, 91):
            service.wait_until_done(study_uid(study))
        quiet, loud = (service.study(study_uid(study)).entry for study in (90, 91))
    assert quiet.category == "not flagged"
    assert loud.category in ("suspected", "likely")
    assert loud.score is not None
    assert quiet.score is not None
    assert loud.score > 0.5 > quiet.score
    assert len(orthanc.instances_of(study_uid(91))) == 2
