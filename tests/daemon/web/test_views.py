"""What a viewer is given of a stored view, and what it is told where there is nothing to give."""

import threading
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from daemon.spool import Spool
from daemon.store.database import Store
from daemon.web.server import WebServer
from daemon.web.sources import Budget, Sources, SourcesBusy
from daemon.web.stated import StatedBundle
from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.display import VoiFunction, Window
from dicom_io.decoding.stored_image import StoredImage
from models.bundle.entries import Calibration
from tests.daemon import store_factory
from tests.daemon.spooled import put_views
from tests.daemon.web.client import get, make_app, plain
from tests.factories import uid
from tests.models.builders import an_identity

VIEW = f"/studies/{uid(1)}/views/{uid(1, 1, 1)}"
STATED = StatedBundle(
    identity=an_identity(sensitive=0.3, specific=0.6, digest=store_factory.DIGEST),
    calibrations={"densenet201": Calibration(), "mobilenet": Calibration(scale=2.0)},
    architectures={"densenet201": "densenet201", "mobilenet": "mobilenet"},
    operating_point=an_identity(sensitive=0.3).operating_point("sensitive"),
)

IMAGE = StoredImage(
    values=np.zeros((4, 4), np.uint16),
    modality=np.zeros(4, np.float32),
    grays=np.zeros(4, np.uint8),
    window=Window(center=1.0, width=2.0, function=VoiFunction.LINEAR),
)


@pytest.fixture
def sources(decoder: Decoder) -> Sources:
    """Return sources that decode in the process that all tests share."""
    return Sources(open_decoder=lambda: decoder)


def test_pixels_are_those_of_the_source_and_its_tables(
    sqlite_only: Store, spool: Spool, sources: Sources, decoder: Decoder
) -> None:
    put_views(sqlite_only, spool, 1)
    answer = get(make_app(sqlite_only, spool, sources=sources), f"{VIEW}/pixels")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    assert answer.headers["cache-control"] == "no-store"
    expected = np.random.default_rng(1).integers(0, 4096, (64, 64))
    np.testing.assert_array_equal(StoredImage.from_bytes(answer.content).values, expected)


def test_a_source_that_is_gone_is_said_to_be_gone(sqlite_only: Store, spool: Spool, sources: Sources) -> None:
    put_views(sqlite_only, spool, 1)
    for file in (spool.data_dir / "spool").rglob("*.dcm"):
        file.unlink()
    answer = get(make_app(sqlite_only, spool, sources=sources), f"{VIEW}/pixels")
    assert (answer.status_code, "retention" in answer.json()["error"]) == (410, True)


def test_a_source_that_cannot_be_decoded_is_refused_with_the_reason(
    sqlite_only: Store, spool: Spool, sources: Sources
) -> None:
    put_views(sqlite_only, spool, 1)
    (file,) = (spool.data_dir / "spool").rglob("*.dcm")
    file.write_bytes(file.read_bytes()[:2000])
    answer = get(make_app(sqlite_only, spool, sources=sources), f"{VIEW}/pixels")
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert str(file) not in answer.text


@pytest.mark.parametrize("part", ["view.json", "pixels"])
@pytest.mark.parametrize(
    "view",
    [
        f"/studies/{uid(1)}/views/{uid(9)}",
        f"/studies/{uid(9)}/views/{uid(1, 1, 1)}",
        f"/studies/{uid(1)}/views/..%2f..%2fulna.db",
        f"/studies/{uid(1)}/views/{uid(1, 1, 2)}",  # set aside: nothing of it is shown
    ],
)
def test_forged_addresses_find_nothing(
    sqlite_only: Store, spool: Spool, sources: Sources, view: str, part: str
) -> None:
    put_views(sqlite_only, spool, 1)
    store_factory.record(sqlite_only, store_factory.excluded(1, 2))
    answer = get(make_app(sqlite_only, spool, sources=sources), f"{view}/{part}")
    assert answer.status_code == 404


def test_maps_are_the_stored_ones_of_the_ensemble_and_each_member(sqlite_only: Store, spool: Spool) -> None:
    store_factory.analyzed_study(sqlite_only, probability=0.5)
    found = get(make_app(sqlite_only, spool, bundle=STATED), f"{VIEW}/view.json").json()
    assert [panel["name"] for panel in found["panels"]] == ["ensemble", "densenet201", "mobilenet"]
    (first, _) = store_factory.member_findings(0.5)
    for panel in found["panels"]:
        assert panel["probability"] == 0.5
        np.testing.assert_allclose(
            panel["map"]["log_odds"], first.activation.ravel(), atol=1e-6, err_msg=panel["name"]
        )
    assert (found["threshold"], found["line"]) == (0.3, "dashed")


def test_maps_of_another_bundle_are_not_placed_by_this_one(sqlite_only: Store, spool: Spool) -> None:
    store_factory.analyzed_study(sqlite_only)
    other = replace(STATED, identity=an_identity(digest="e" * 64))
    for bundle in (other, None):
        answer = get(make_app(sqlite_only, spool, bundle=bundle), f"{VIEW}/view.json")
        assert (answer.status_code, "another bundle" in answer.json()["error"]) == (409, True)
        page = get(make_app(sqlite_only, spool, bundle=bundle), f"/studies/{uid(1)}").text
        assert page.count("the operating points of its bundle are not at hand") == 3
        assert "judged reaches" not in page


def test_the_papers_rule_is_shown_where_it_is_asked_for(sqlite_only: Store, spool: Spool) -> None:
    store_factory.analyzed_study(sqlite_only, probability=0.8)
    app = make_app(sqlite_only, spool, bundle=STATED)
    assert "NORMAL" not in get(app, f"/studies/{uid(1)}").text
    page = plain(get(app, f"/studies/{uid(1)}?rule=paper").text)
    # densenet201: 1 - 0.8; mobilenet, whose calibration doubles its log-odds of 4 to 1: 1 - 2 / 3
    assert "The paper&#39;s rule: 0.267, the mean of the raw sigmoids" in page
    assert "1 is NORMAL and 0 is abnormal; below 0.5" in page
    assert get(app, f"/studies/{uid(1)}?rule=mine").status_code == 400


def test_the_score_stands_beside_what_the_points_are_stated_to_do(sqlite_only: Store, spool: Spool) -> None:
    store_factory.reported_study(sqlite_only, score=0.5)
    page = plain(get(make_app(sqlite_only, spool, bundle=STATED), f"/studies/{uid(1)}").text)
    assert "sensitive raises the flag 0.3 reaches it not measured not measured none: untrained" in page
    assert "specific 0.6 is below it" in page


def test_one_view_is_decoded_at_a_time_and_few_wait(tmp_path: Path) -> None:
    slow = _Slow()
    sources = Sources(Budget(most_waiting=2), open_decoder=lambda: slow)
    readers = [threading.Thread(target=sources.read, args=(tmp_path / str(n),)) for n in range(3)]
    for number, reader in enumerate(readers):
        reader.start()
        slow.wait_for(sources, number + 1)
    with pytest.raises(SourcesBusy):
        sources.read(tmp_path / "4")
    slow.go_on.set()
    for reader in readers:
        reader.join()
    assert slow.most_at_once == 1


def test_others_are_answered_while_a_view_is_decoded(sqlite_only: Store, spool: Spool) -> None:
    put_views(sqlite_only, spool, 1)
    slow = _Slow()
    sources = Sources(open_decoder=lambda: slow)
    server = WebServer(make_app(sqlite_only, spool, sources=sources), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.start()}"
    reader = threading.Thread(target=httpx.get, args=(f"{address}{VIEW}/pixels",))
    reader.start()
    try:
        slow.wait_for(sources, 1)
        assert httpx.get(f"{address}/healthz").json() == {"status": "ok"}
        assert not slow.go_on.is_set()
    finally:
        slow.go_on.set()
        reader.join()
        server.stop()


def test_busy_is_told_with_a_time_to_come_again(sqlite_only: Store, spool: Spool) -> None:
    put_views(sqlite_only, spool, 1)
    answer = get(make_app(sqlite_only, spool, sources=Sources(Budget(most_waiting=-1))), f"{VIEW}/pixels")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_what_was_read_last_is_kept_within_bytes_and_minutes(tmp_path: Path) -> None:
    seconds = [0.0]
    counting = _Counting()
    size = len(IMAGE.to_bytes())
    budget = Budget(kept_bytes=2 * size, kept_seconds=60.0)
    sources = Sources(budget, clock=lambda: seconds[0], open_decoder=lambda: counting)
    for name in ("a", "b", "a", "c", "a", "b"):  # c drives b out, and not a, which was used since
        sources.read(tmp_path / name)
    assert counting.read == ["a", "b", "c", "b"]
    seconds[0] = 61.0
    sources.forget_old()
    assert sources.kept_bytes == 0
    sources.read(tmp_path / "a")
    assert counting.read[-1] == "a"


def test_sources_that_nobody_asked_have_no_process_to_end() -> None:
    Sources(open_decoder=_fail).close()


def _fail() -> Decoder:
    raise AssertionError("nothing was to be decoded")


class _Counting(Decoder):
    """Gives one small image for every file and remembers whose."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def read_stored(self, path: Path, *, picture: bool = False) -> StoredImage:
        self.read.append(path.name)
        return IMAGE


class _Slow(_Counting):
    """Decodes when it is told to, and counts how many do so at once."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.most_at_once = 0
        self._at_once = 0

    def read_stored(self, path: Path, *, picture: bool = False) -> StoredImage:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.go_on.wait(10)
        self._at_once -= 1
        return super().read_stored(path)

    def wait_for(self, sources: Sources, number: int) -> None:
        pause = threading.Event()
        while sources.waiting < number:
            pause.wait(0.01)
