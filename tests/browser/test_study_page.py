"""The study page in a real browser: what was really found, hostile text, and readers of all kinds."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from daemon.config.configuration import Config
from daemon.demo.studies import DemoStudy, demo_studies
from daemon.intake import Arrival, Intake
from daemon.intake_rule import IntakeRule
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.stages.analyzer import Analyzer
from daemon.stages.reporter import Reporter
from dicom_io.decoding.decoder import Decoder
from models.bundle.loading import Bundle, load_bundle
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder
from models.ensemble import open_ensemble
from models.preprocess import preprocess
from tests.browser.reader import Reader
from tests.browser.site import Site, put_file, put_phantoms, running_site
from tests.daemon import store_factory
from tests.daemon.store_factory import NOW, after
from tests.factories import uid
from tests.models.networks.test_member import raw_grad_cam

pytestmark = pytest.mark.slow

HOSTILE = "<script>hurt=1</script><img src=x onerror='hurt=1'>"
PHANTOMS = f"/studies/{uid(1)}"


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle(bundle_folder(DEFAULT_BUNDLE))


@pytest.fixture(scope="module")
def elbow(tmp_path_factory: pytest.TempPathFactory) -> DemoStudy:
    samples = demo_studies(tmp_path_factory.mktemp("samples"), now=NOW)
    return next(study for study in samples if study.region == "ELBOW")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, elbow: DemoStudy, shipped: Bundle) -> Iterator[Site]:
    """Serve a study of phantoms with hostile texts, and a real one that went through the stages."""

    def fill(store, spool, bundle) -> None:
        identity = store_factory.identity(
            1, patient_name=HOSTILE, patient_id=HOSTILE, accession_number=HOSTILE, study_description=HOSTILE
        )
        aside = store_factory.excluded(1, 8, identity=identity)
        put_file(
            spool, aside, 8, StudyDescription=HOSTILE, SeriesDescription=HOSTILE, BodyPartExamined="CHEST"
        )
        store_factory.record(store, aside)
        put_phantoms(store, spool, bundle, {1: 0.3, 2: 0.9}, identity=identity, source=HOSTILE)
        spool.absolute(store_factory.received(1, 2).path).unlink()
        intake = Intake(spool, store, IntakeRule.from_config(Config()), lambda: NOW)
        for path in elbow.paths:
            incoming = spool.data_dir / path.name
            incoming.write_bytes(path.read_bytes())
            intake.accept(Arrival(path=incoming, source="folder"))
        ensemble = open_ensemble(shipped, "cpu")
        with Decoder() as decoder:
            analyzer = Analyzer(store, spool, decoder, ensemble, operating_point="sensitive", max_batch=8)
            while analyzer.step(StageProcess(StageName.ANALYZER, store, node="a", clock=lambda: NOW)):
                pass
            reporter = Reporter(store, spool, decoder, Config(), bundle=shipped.identity)
            assert reporter.step(StageProcess(StageName.REPORTER, store, node="a", clock=lambda: after(500)))

    with running_site(tmp_path_factory.mktemp("site"), fill) as running:
        yield running


@pytest.fixture(scope="module")
def analyzed(elbow: DemoStudy) -> dict[str, Any]:
    """Return what ``ulna analyze --json`` says of the real study."""
    command = [sys.executable, "-m", "daemon", "analyze", "--json", *map(str, elbow.paths)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    (study,) = json.loads(answer.stdout)
    found: dict[str, Any] = study
    return found


def test_the_page_says_what_analyze_says(reader: Reader, elbow: DemoStudy, analyzed: dict[str, Any]) -> None:
    reader.open(f"/studies/{elbow.study_instance_uid}")
    assert f"{analyzed['probability']:.3f}" in reader.page.locator(".headline").inner_text()
    threshold = analyzed["operating_point"]["threshold"]
    for number, view in enumerate(analyzed["instances"], start=1):
        address = f"{reader.address}/studies/{elbow.study_instance_uid}/views/{view['sop_instance_uid']}"
        panels = httpx.get(f"{address}/view.json").json()["panels"]
        numbers = {"ensemble": view["probability"]} | {m["member"]: m["probability"] for m in view["members"]}
        assert {panel["name"]: panel["probability"] for panel in panels} == numbers
        for name, probability in numbers.items():
            words = reader.viewer(number).locator(f"[data-panel={name}] figcaption").inner_text()
            assert f"{probability:.3f}" in words
            if name == "ensemble":
                reaches = probability >= threshold
                assert ("reaches the operating point" in words, "is below" in words) == (reaches, not reaches)
            else:
                assert "is not stated for it alone" in words


def test_a_members_map_is_grad_cams(site: Site, elbow: DemoStudy, shipped: Bundle) -> None:
    with Decoder() as decoder:
        view = decoder.read_view(elbow.paths[0])
    inputs = torch.from_numpy(preprocess(view.image, shipped.manifest.preprocessing, view.pixel_aspect))
    instances = httpx.get(f"{site.address}/api/studies/{elbow.study_instance_uid}").json()["instances"]
    address = f"{site.address}/studies/{elbow.study_instance_uid}/views/{instances[0]['sop_instance_uid']}"
    entry = next(entry for entry in shipped.manifest.members if entry.name == "mobilenet")
    member = load_bundle(bundle_folder(DEFAULT_BUNDLE)).members[entry.name].requires_grad_(True)
    raw = raw_grad_cam(member, inputs[None, None].expand(-1, 3, -1, -1).clone())
    (found,) = [
        panel["map"]
        for panel in httpx.get(f"{address}/view.json").json()["panels"]
        if panel["name"] == entry.name
    ]
    odds = np.array(found["log_odds"]).reshape(found["rows"], found["columns"])
    bias = float(member.head.bias.item())
    activation = (odds - entry.calibration.offset) / entry.calibration.scale - bias
    np.testing.assert_allclose(_normalized(activation), _normalized(raw[0]), atol=1e-4)


def _normalized(cam: np.ndarray) -> np.ndarray:
    """Rectify and stretch, as pytorch-grad-cam does last."""
    lit = np.maximum(cam, 0)
    stretched: np.ndarray = (lit - lit.min()) / (lit.max() - lit.min())
    return stretched


def test_hostile_text_is_only_text(reader: Reader) -> None:
    reader.open(PHANTOMS)
    reader.page.locator("details.why-set-aside summary").click()
    assert reader.page.evaluate("window.hurt") is None
    assert reader.page.locator("main img[src=x]").count() == 0
    assert HOSTILE in reader.page.locator("#study").inner_text()
    assert HOSTILE in reader.page.locator("#set-aside").inner_text()


def test_a_view_whose_source_is_gone_says_so_and_the_others_are_shown(reader: Reader) -> None:
    reader.open(PHANTOMS)
    gone = reader.viewer(2)
    gone.scroll_into_view_if_needed()
    gone.and_(reader.page.locator("[data-step=failed]")).wait_for()
    assert "not in the spool any more" in gone.locator("[data-said]").inner_text()
    assert "0.900" in gone.locator("[data-panel=ensemble] figcaption").inner_text()
    assert reader.viewer(1).get_attribute("data-step") == "ready"


def test_results_can_be_had_as_they_were_sent(reader: Reader, site: Site, elbow: DemoStudy) -> None:
    reader.open(f"/studies/{elbow.study_instance_uid}")
    links = reader.page.locator("a.download")
    assert links.count() == 1 + len(elbow.paths)
    stored = {file.name: file.read_bytes() for file in (site.spool.data_dir / "results").rglob("*.dcm")}
    for link in links.all():
        address = str(link.get_attribute("href"))
        answer = httpx.get(site.address + address)
        assert answer.content in stored.values()
        assert answer.headers["content-type"] == "application/dicom"
        name = address.rpartition("/")[2]
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert name.removesuffix(".dcm").encode() in answer.content
    reader.page.locator("#report summary").click()
    assert "Imaging" in reader.page.locator("pre.report").inner_text()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("query", ["", "?rule=paper"])
def test_readers_of_all_kinds_can_use_it(
    browser: Browser, site: Site, elbow: DemoStudy, scheme: Any, width: int, query: str
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})
    page = context.new_page()
    Reader(page, site.address).open(f"/studies/{elbow.study_instance_uid}{query}")
    for details in page.locator("details > summary").all():
        details.click()
    found = Axe().run(page)
    context.close()
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readers_of_all_kinds_can_use_the_worklist(browser: Browser, site: Site, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{site.address}/")
    found = Axe().run(page)
    context.close()
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window(reader: Reader, elbow: DemoStudy, width: int) -> None:
    reader.page.set_viewport_size({"width": width, "height": 844})
    reader.open(f"/studies/{elbow.study_instance_uid}")
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= width
