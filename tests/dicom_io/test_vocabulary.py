import json
from importlib import resources

import pytest

from dicom_io.vocabulary import Vocabulary, fold, shipped_vocabulary

BODY = Vocabulary(
    {
        "arm": ["bras", "oberarm*"],
        "forearm": ["avant bras"],
        "finger": ["*finger*", "指"],
        "hand": ["手", "hand"],
        "wrist": ["手首"],
    }
)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Bras gauche", {"arm"}),
        ("Avant-bras gauche", {"forearm"}),
        ("avant_bras + BRAS", {"forearm", "arm"}),
        ("Oberarmkopf", {"arm"}),
        ("Zeigefingerspitze", {"finger"}),
        ("右手首正面", {"wrist"}),
        ("右手", {"hand"}),
        ("手指", {"hand", "finger"}),
        ("handling", set()),
        ("Hand2", {"hand"}),
        ("embrasse", set()),
        ("", set()),
    ],
)
def test_the_longest_term_counts_and_words_are_whole(text, labels):
    assert BODY.labels_in(text) == labels


def test_text_is_compared_without_case_accents_and_punctuation():
    assert fold("MUÑECA/Hånd  ŁOKIEĆ-ß") == "muneca hand lokiec ss"


def test_full_and_half_width_forms_are_the_same():
    assert fold("\uff28\uff21\uff2e\uff24") == "hand"


def test_hangul_and_kana_survive():
    assert fold("손가락 ガ") == "손가락 ガ"


def test_only_the_start_of_an_endless_text_is_searched():
    assert BODY.labels_in("x " * 600 + "hand") == frozenset()


@pytest.mark.parametrize("file_name", ["laterality.json", "projection.json", "eligibility.json"])
def test_every_shipped_term_finds_its_label(file_name):
    vocabulary = shipped_vocabulary(file_name)
    for label, terms in shipped_terms(file_name).items():
        for term in terms:
            assert label in vocabulary.labels_in(term.replace("*", "")), term


def shipped_terms(file_name):
    table = json.loads(resources.files("dicom_io").joinpath(file_name).read_text(encoding="utf-8"))
    return {
        label: [term for terms in languages.values() for term in terms] for label, languages in table.items()
    }
