"""No byte of an image comes from anywhere but its own frame, whatever codestream and header say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.dicom_io.decoding.codec_matrix import (
    FOREIGN,
    Written,
    digest,
    write_codestreams,
    write_written_by_others,
)
from tests.factories import make_instance, write_instance

pytestmark = pytest.mark.slow

BROKEN = {
    # pydicom 3.0.2 splits the bytes of an image that it has made 8 bits wide as if it were 16 bits wide.
    "16-7-u-pydicom-rle.dcm",
    "16-7-s-pydicom-rle.dcm",
    "16-8-u-pydicom-rle.dcm",
    "16-8-s-pydicom-rle.dcm",
    # CharLS finds a structural fault in what DCMTK 3.6.7 writes with 7 bits.
    "8-7-u-dcmtk-jpeg-ls-cooked.dcm",
    "16-7-u-dcmtk-jpeg-ls-cooked.dcm",
}
"""What these programs write and nobody can read back."""

PERTURBED = ["1", "254"]
"""What glibc fills memory with (mallopt(3), M_PERTURB) before it hands it out: its complement."""


def read_all(folder: Path, perturb: str) -> dict[str, str]:
    foreign = np.random.default_rng(0).integers(0, 4096, (64, 64)).astype(np.uint16)
    compressed = make_instance(pixels=foreign)
    compressed.compress("1.2.840.10008.1.2.4.90", generate_instance_uid=False)
    write_instance(compressed, folder / FOREIGN)
    program = subprocess.run(
        [sys.executable, "-m", "tests.dicom_io.decoding.codec_matrix", folder],
        env={**os.environ, "MALLOC_PERTURB_": perturb},
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    found: dict[str, str] = json.loads(program.stdout)
    return found


@pytest.mark.parametrize("perturb", PERTURBED)
def test_what_dcmtk_and_pydicom_write_is_read_as_they_meant_it(tmp_path, perturb):
    twins = write_written_by_others(tmp_path)
    found = read_all(tmp_path, perturb)
    assert found.keys() == twins.keys()
    different = {name: got for name, got in found.items() if got != digest(twins[name])}
    assert different.keys() == BROKEN
    assert all(got.startswith("unreadable: ") for got in different.values())


@pytest.mark.parametrize("perturb", PERTURBED)
def test_a_codestream_that_contradicts_its_header_gives_its_own_numbers_or_a_reason(tmp_path, perturb):
    written = write_codestreams(tmp_path)
    found = read_all(tmp_path, perturb)
    assert found.keys() == written.keys()
    wrong = {name: got for name, got in found.items() if not _may_be(got, written[name])}
    assert wrong == {}


def _may_be(got: str, written: Written) -> bool:
    if got.startswith("unreadable: "):
        return not written.readable
    return written.twin is not None and got == digest(written.twin)
