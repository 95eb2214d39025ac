"""The pictures of the stored results."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.studies import record_report
from daemon.store.worklist import study_detail
from dicom_io.objects.inheritance import sanitized_source
from dicom_io.objects.result_facts import ResultFacts, Verdict
from dicom_io.objects.secondary_capture import secondary_capture
from tests.daemon import store_factory
from tests.daemon.store_factory import NOW
from tests.daemon.web.client import get, make_app
from tests.factories import encode, make_instance, uid


@pytest.fixture
def app(sqlite_only: Store, spool: Spool) -> Starlette:
    return make_app(sqlite_only, spool)


def test_a_picture_is_the_stored_page_pixel_by_pixel(sqlite_only: Store, spool: Spool) -> None:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    picture = _store_picture(sqlite_only, spool, pixels)
    answer = get(make_app(sqlite_only, spool), picture)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert np.array_equal(np.asarray(Image.open(BytesIO(answer.content))), pixels)
    assert f'src="{picture}"' in get(make_app(sqlite_only, spool), f"/studies/{uid(1)}").text


@pytest.mark.parametrize("keep", [0, 100, 1500])
def test_a_damaged_picture_is_not_found_and_says_so(sqlite_only: Store, spool: Spool, keep: int) -> None:
    picture = _store_picture(sqlite_only, spool, np.zeros((5, 7, 3), np.uint8))
    (file,) = (spool.data_dir / "results").glob("*/*.dcm")
    file.write_bytes(file.read_bytes()[:keep])
    answer = get(make_app(sqlite_only, spool), picture)
    assert answer.status_code == 404
    assert "The picture cannot be shown" in answer.text
    file.unlink()
    assert get(make_app(sqlite_only, spool), picture).status_code == 404


def test_a_picture_with_flipped_bits_is_shown_or_not_found(sqlite_only: Store, spool: Spool) -> None:
    app = make_app(sqlite_only, spool)
    picture = _store_picture(sqlite_only, spool, np.zeros((5, 7, 3), np.uint8))
    (file,) = (spool.data_dir / "results").glob("*/*.dcm")
    content = file.read_bytes()
    for position in range(128, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 0x55
        file.write_bytes(damaged)
        assert get(app, picture).status_code in (200, 404)


def test_only_pictures_of_the_study_are_shown(sqlite_only: Store, spool: Spool, app: Starlette) -> None:
    _store_picture(sqlite_only, spool, np.zeros((5, 7, 3), np.uint8))
    report_uid = study_detail(sqlite_only, uid(1)).results[0].sop_instance_uid
    for name in (report_uid, uid(1, 1, 1), "..%2f..%2fulna.db"):
        assert get(app, f"/studies/{uid(1)}/results/{name}.png").status_code == 404


def _store_picture(store: Store, spool: Spool, pixels: np.ndarray) -> str:
    """Report study 1, all results in the file of one Secondary Capture; return the address of its picture."""
    source, _ = sanitized_source(encode(make_instance(study=1, instance=1)))
    facts = ResultFacts(
        verdict=Verdict.SUSPECTED,
        revision=1,
        claim="suspected fracture",
        target="fracture",
        sources=(uid(1, 1, 1),),
        engine="torch float32",
        model_name="test",
        model_version="1.0",
        bundle_digest="d" * 64,
        trained=True,
        operating_point="sensitive 0.5",
        software_version="0.1.0",
        analyzed_at=NOW,
    )
    ds = secondary_capture(pixels, source=source, patient_source=source, facts=facts, view_number=1)
    store_factory.analyzed_study(store, 1)
    claimed = store_factory.claim(store, 1)
    report = store_factory.report(claimed)
    path = spool.write_result(ds.SOPInstanceUID, encode(ds))
    results = (
        replace(report.results[0], path=path),
        replace(report.results[1], sop_instance_uid=ds.SOPInstanceUID, path=path),
    )
    record_report(store, claimed, replace(report, results=results), owner=store_factory.REPORTER, now=NOW)
    return f"/studies/{uid(1)}/results/{ds.SOPInstanceUID}.png"
