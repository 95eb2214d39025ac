"""What the documents show works: links lead somewhere, calls are understood, snippets are taken."""

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import cli
from daemon.config.configuration import read_config
from dicom_io.selection.words import words_with
from models.bundle.manifest import parse_manifest
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder
from tests.documents import PAGES, PARSERS, ROOT, blocks, options_of, written_by_the_readme


def examples() -> Iterator[tuple[str, str]]:
    """Yield where a call of ulna is shown as it would be typed, and the call."""
    shown = [*blocks("sh"), *((words, parser.epilog or "") for words, parser in PARSERS.items())]
    shown.append(("ulna", cli.EPILOG))
    for place, text in shown:
        lines = text.replace("\\\n", " ").splitlines()
        calls = [re.search(r"(?:^\s*|[\w/]*bin/)ulna ([a-z-].*)", line) for line in lines]
        yield from ((place, call[1]) for call in calls if call and not call[1].startswith("is "))


@pytest.mark.parametrize(("place", "call"), list(examples()))
def test_a_call_that_is_shown_is_understood(place: str, call: str) -> None:
    # In the list of `ulna --help` a call stands in one column, and what it does in the next.
    words = shlex.split(re.split(r" {3,}(?=[a-z])", call)[0] if place == "ulna" else call, comments=True)
    parser, commands = cli._parser()
    importlib.import_module(f"daemon.commands.{words[0]}").configure(commands.choices[words[0]])
    parser.parse_args(words)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name
)
def test_a_command_that_is_named_exists_and_has_the_option(page: Path) -> None:
    for call in re.findall(r"`ulna ([a-z]+[^`]*)`", page.read_text()):
        command = call.split()[0]
        if command in ("flagged", "not"):  # a Series Description
            continue
        matching = [parser for words, parser in PARSERS.items() if words.split()[1] == command]
        known = {"--help", *(option for parser in matching for option in options_of(parser))}
        assert matching, call
        assert set(re.findall("--[a-z-]+", call)) <= known, call


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join(page.read_text() for page in PAGES if page.name != "CHANGELOG.md")
    shell = "\n".join(block for _, block in blocks("sh"))
    named = [*re.findall("`make ([a-z-]+)", text), *re.findall(r"\bmake ([a-z-]+)", shell)]
    assert set(named) <= targets


def test_the_configuration_that_the_readme_writes_is_valid(tmp_path: Path) -> None:
    config = read_config(written_by_the_readme(tmp_path), {})
    assert [destination.name for destination in config.destinations] == ["orthanc"]


def test_every_snippet_of_toml_is_taken_by_what_reads_it(tmp_path: Path) -> None:
    snippets = dict(blocks("toml"))
    assert [page for page, _ in blocks("toml")] == ["bundles.md", "operations.md"]
    words = tmp_path / "words.toml"
    words.write_text(snippets["operations.md"])
    assert [mention.label for mention in words_with(words).region.words.mentions("HWK li")] == ["WRIST"]
    shipped = (bundle_folder(DEFAULT_BUNDLE) / "manifest.toml").read_text()
    without = re.sub(r"^\[target\]\n(.+\n)+", "", shipped, flags=re.MULTILINE)
    without = re.sub(r"^fold = .*\n", "", without, flags=re.MULTILINE)
    fold, target = snippets["bundles.md"].split("\n\n")
    manifest = parse_manifest(f"{fold}\n{without}\n{target}".encode(), path=tmp_path)
    assert manifest.target.text == tomllib.loads(target)["target"]["text"]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them of its headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_documents_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file), target


def test_every_page_and_benchmark_that_is_named_exists() -> None:
    folders = ("benchmarks", "daemon", "dicom_io", "docs", "models", "sr_templates", "systemd", "tests")
    files = [*PAGES, ROOT / "Makefile", ROOT / "config.toml"]
    for folder in folders:
        files += [
            file for file in (ROOT / folder).rglob("*") if file.suffix in (".py", ".md", ".toml", ".service")
        ]
    named = {
        name
        for file in files
        for name in re.findall(r"\b(?:docs/[a-z]+\.md|benchmarks/[a-z_]+\.py)\b", file.read_text())
    }
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []
