import pytest

from dicom_io.laterality import Laterality, laterality_of
from dicom_io.values import CodedTerm
from tests.dicom_io.headers import header

WORDS = {
    Laterality.LEFT: """
        L WRIST | WRIST LT | Left hand | HAND_L | Handgelenk li. | Linke Hand | Poignet gauche |
        Mano izquierda | Mano izq | Mano sinistra | Mão esquerda | Linkerhand |
        Vänster axel | Venstre hånd | Vasen käsi |
        Łokieć lewy | Levá ruka | Левая кисть | 左手 | 왼손 | 좌측 손목
    """,
    Laterality.RIGHT: """
        R WRIST | WRIST RT | Right hand | HAND-R | Handgelenk re | Rechtes Handgelenk | Poignet droit |
        Mano derecha | Mano destra | Mão direita | Höger axel | Højre hånd | Høyre hånd | Oikea käsi |
        Łokieć prawy | Pravá ruka | Правая кисть | 右手 | 오른손 | 우측 손목
    """,
    Laterality.BOTH: """
        Both hands | Hands bilateral | Hände bds. | Beide Handgelenke | Les deux mains | Ambas manos |
        L + R hand | Hand rechts und links | Обеих кистей | 両手 | 左右手 | 양측 손
    """,
    Laterality.UNKNOWN: """
        Wrist | Handgelenk der Hand | DX HAND | Level 1 | Relay | Droid | Hand d.p. | Larm | Main | 手
    """,
}


@pytest.mark.parametrize(
    ("text", "side"),
    [(text.strip(), side) for side, texts in WORDS.items() for text in texts.split("|")],
)
def test_words_name_the_side(text, side):
    assert laterality_of(header(series_description=text)) == side


@pytest.mark.parametrize("value", ["L", "R", "B"])
@pytest.mark.parametrize("field", ["image_laterality", "laterality"])
def test_the_elements_made_for_it_name_the_side(field, value):
    assert laterality_of(header(**{field: value})) == value


@pytest.mark.parametrize("value", ["U", "", "X", "LEFT?"])
def test_any_other_value_leaves_it_to_the_next_source(value):
    assert laterality_of(header(image_laterality=value, laterality="R")) is Laterality.RIGHT


@pytest.mark.parametrize(
    ("codes", "side"),
    [
        (["7771000"], Laterality.LEFT),
        (["24028007"], Laterality.RIGHT),
        (["G-A100"], Laterality.RIGHT),
        (["51440002"], Laterality.BOTH),
        (["7771000", "24028007"], Laterality.BOTH),
        (["1234"], Laterality.UNKNOWN),
    ],
)
def test_modifiers_of_the_anatomic_region_name_the_side(codes, side):
    modifiers = tuple(CodedTerm(scheme="SCT", value=code) for code in codes)
    assert laterality_of(header(anatomic_region_modifiers=modifiers)) is side


def test_each_source_goes_before_the_next():
    sources: list[tuple[str, object]] = [
        ("image_laterality", "L"),
        ("laterality", "R"),
        ("anatomic_region_modifiers", (CodedTerm(scheme="SCT", value="51440002"),)),
        ("series_description", "left"),
        ("protocol_name", "right"),
        ("study_description", "bilateral"),
    ]
    found = [laterality_of(header(**dict(sources[start:]))).value for start in range(len(sources))]
    assert found == ["L", "R", "B", "L", "R", "B"]


def test_the_procedure_names_the_side_where_nothing_else_does():
    assert laterality_of(header(procedure_texts=("XR Handgelenk links",))) is Laterality.LEFT
