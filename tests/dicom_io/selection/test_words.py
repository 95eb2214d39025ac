"""The table of words and codes, and a site's own additions to it."""

import tomllib
from importlib import resources

import pytest

from dicom_io.errors import VocabularyInvalid
from dicom_io.selection import words
from dicom_io.selection.eligibility import assess
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.projection import Projection
from dicom_io.selection.words import shipped_words, words_with
from tests.dicom_io.headers import header

OWN = """
[region.WRIST]
bpe = ["HGNEU"]
words.de = ["handgelenksaufnahme nach bloggs", "hwk"]

[region.nothing]
words.de = ["hand in hand"]

[region.FOREARM]
words.en = ["elbow of the ulna"]

[laterality.L]
abbreviations.de = ["lx"]

[projection.oblique]
positions = ["SCHRAEGNEU"]
words.de = ["zwischenstellung"]

[exclusion.rejected_image]
words.de = ["tonne"]
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "words.toml"
    path.write_text(OWN, encoding="utf-8")
    return words_with(path)


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ({"series_description": "HWK LX"}, ("WRIST", "L", "unknown", None)),
        ({"body_part_examined": "HG_NEU"}, ("WRIST", "", "unknown", None)),
        ({"series_description": "elbow of the ulna"}, ("FOREARM", "", "unknown", None)),
        ({"series_description": "Hand Zwischenstellung"}, ("HAND", "", "oblique", None)),
        ({"body_part_examined": "HAND", "view_position": "SCHRAEG-NEU"}, ("HAND", "", "oblique", None)),
        ({"series_description": "Hand Tonne"}, ("HAND", "", "unknown", Exclusion.REJECTED_IMAGE)),
        (
            {"series_description": "Hand in Hand", "body_part_examined": "ELBOW"},
            ("ELBOW", "", "unknown", None),
        ),
        ({"series_description": "Poignet droit"}, ("WRIST", "R", "unknown", None)),
    ],
)
def test_a_site_adds_words_and_codes_and_overrules_those_that_are_shipped(own, values, seen):
    found = assess(header(**values), unknown_region="exclude", words=own)
    assert (found.region, found.laterality, found.projection, found.exclusion) == seen


def test_without_a_file_the_shipped_words_count():
    assert words_with(None) is shipped_words()


MISTAKES = """
flavor = 1

[regions.WRIST]
words.de = ["hg"]

[region.NOSE]
words.de = ["nase"]

[region.WRIST]
color = "blue"
sct = "74670003"
bpe = ["wrist"]
words.de = ["h*", "!", 7, "hand*beine"]
weak.fr = "poignet"
words.en = ["paw"]

[region.HAND]
words.en = ["Paw"]
"""


def test_every_mistake_is_told_at_once_with_what_is_allowed(tmp_path):
    path = tmp_path / "words.toml"
    path.write_text(MISTAKES, encoding="utf-8")
    with pytest.raises(VocabularyInvalid) as caught:
        words_with(path)
    told = "\n".join(caught.value.mistakes)
    for key in (
        "flavor: unknown; allowed are region, laterality, projection, exclusion",
        "regions: unknown",
        "region.NOSE: unknown; allowed are ELBOW, FINGER",
        "region.WRIST.color: unknown; allowed are sct, srt",
        "region.WRIST.sct: must be a list",
        "region.WRIST.bpe: 'wrist'",
        "region.WRIST.words.de: 'h*' needs at least 2 letters",
        "region.WRIST.words.de: 'hand*beine' holds a * within a word",
        "region.WRIST.words.de: '!' holds neither letter nor digit",
        "region.WRIST.words.de: 7 must be a text",
        "region.WRIST.weak.fr: must be a list",
    ):
        assert key in told, key


def test_a_word_with_two_meanings_in_one_file_is_a_mistake(tmp_path):
    path = tmp_path / "words.toml"
    path.write_text(
        '[region.WRIST]\nwords.en = ["paw"]\n[region.HAND]\nwords.en = ["Paw"]\n', encoding="utf-8"
    )
    with pytest.raises(VocabularyInvalid, match=r"'Paw' is both WRIST\.words and HAND\.words"):
        words_with(path)


@pytest.mark.parametrize(("content", "told"), [(b"[region", "is not TOML"), (b"\xff", "is not TOML")])
def test_a_file_that_is_no_table_is_told(tmp_path, content, told):
    path = tmp_path / "words.toml"
    path.write_bytes(content)
    with pytest.raises(VocabularyInvalid, match=told):
        words_with(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(VocabularyInvalid, match="cannot be read"):
        words_with(tmp_path / "nowhere.toml")


def shipped_table():
    shipped = resources.files("dicom_io.selection") / "vocabulary.toml"
    return tomllib.loads(shipped.read_text(encoding="utf-8"))


def test_the_shipped_table_has_no_mistake():
    assert list(words._mistakes(shipped_table())) == []


def test_the_labels_are_those_of_the_decisions():
    table = shipped_table()
    assert set(table["laterality"]) == {side.value for side in Laterality if side} | {"nothing"}
    kinds = {kind.value for kind in Projection if kind is not Projection.UNKNOWN}
    assert set(table["projection"]) == kinds | {"nothing"}
    said = {Exclusion.REJECTED_IMAGE.value, Exclusion.QUALITY_CONTROL.value}
    assert set(table["exclusion"]) == said | {"nothing"}


@pytest.mark.parametrize("axis", ["laterality", "projection", "exclusion"])
def test_every_shipped_term_finds_its_label(axis):
    vocabulary = getattr(shipped_words(), axis).words
    for label, section in shipped_table()[axis].items():
        for kind in ("words", "abbreviations", "bound", "letters", "weak"):
            for terms in section.get(kind, {}).values():
                for term in terms:
                    found = {mention.label for mention in vocabulary.mentions(term.replace("*", ""))}
                    assert label in found, term
