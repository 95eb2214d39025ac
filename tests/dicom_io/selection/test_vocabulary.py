import pytest

from dicom_io.selection.vocabulary import Term, Vocabulary, fold, folded_words

BODY = Vocabulary(
    Term(pattern=pattern, label=label)
    for label, patterns in {
        "arm": ["bras", "oberarm*"],
        "forearm": ["avant bras"],
        "finger": ["*finger*", "指"],
        "hand": ["手", "hand"],
        "wrist": ["手首", "зап'яст*", "معصم"],
        "knee": ["*ברך"],
    }.items()
    for pattern in patterns
)


def labels_in(text):
    return {mention.label for mention in BODY.mentions(text)}


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
        ("л. зап'ястя", {"wrist"}),
        ("المعصم الأيسر", {"wrist"}),
        ("צילום הברך", {"knee"}),
        ("手AP首", {"hand"}),
        ("", set()),
    ],
)
def test_the_longest_term_counts_and_words_are_whole(text, labels):
    assert labels_in(text) == labels


def test_text_is_compared_without_case_accents_and_punctuation():
    assert fold("MUÑECA/Hånd  ŁOKIEĆ-ß") == "muneca hand lokiec ss"


def test_full_and_half_width_forms_are_the_same():
    assert fold("\uff28\uff21\uff2e\uff24") == "hand"


def test_hangul_and_kana_survive():
    assert fold("손가락 ガ") == "손가락 ガ"


def test_only_the_start_of_an_endless_text_is_searched():
    assert labels_in("x " * 600 + "hand") == set()


def test_the_language_of_each_term_that_fits_is_told():
    vocabulary = Vocabulary(
        [
            Term(pattern="handled", label="wrist", language="sv"),
            Term(pattern="handled*", label="wrist", language="da"),
            Term(pattern="hand", label="hand", language="en"),
        ]
    )
    (mention,) = vocabulary.mentions("Handled vä")
    assert (mention.label, mention.languages) == ("wrist", frozenset({"sv", "da"}))


def test_a_later_term_overrules_an_earlier_one_that_is_spelled_alike():
    vocabulary = Vocabulary([Term(pattern="Pie", label="foot"), Term(pattern="pie", label="dessert")])
    assert [mention.label for mention in vocabulary.mentions("PIE")] == ["dessert"]


def test_the_phrase_with_most_words_counts():
    vocabulary = Vocabulary([Term(pattern="hand", label="hand"), Term(pattern="hand held", label="nothing")])
    assert [mention.label for mention in vocabulary.mentions("AP hand held")] == ["nothing"]


def test_an_article_before_an_apostrophe_is_no_word_of_its_own():
    assert fold("Radio de l'épaule") == "radio de epaule"


def test_a_stem_keeps_its_star():
    assert folded_words("Pal* u NOGI") == ("pal*", "u", "nogi")
