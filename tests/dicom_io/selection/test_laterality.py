import pytest

from dicom_io.reading.instance import InstanceHeader
from dicom_io.reading.values import CodedTerm
from dicom_io.selection.laterality import Laterality, laterality_match
from tests.dicom_io.headers import header

WORDS = {
    Laterality.LEFT: """
        XR WRIST LEFT R/O FX | HAND LEFT R.O. | ELBOW LEFT E.R. | ELBOW LEFT DR R MILLER | AP L ELBOW |
        LAT L | Hand L. AP | RX MAIN G | RX PUNHO E | POLSO SX | Handled vä | Sol omuz | Bal csukló | LUE |
        Αριστερός καρπός |
        כף יד שמאל | Ліва кисть | มือซ้าย | المعصم الأيسر | RX MUÑECA I | Handled v |
        Finger 4th digit (L) |
        L WRIST | WRIST LT | Left hand | HAND_L | Handgelenk li. | Linke Hand | Poignet gauche |
        Mano izquierda | Mano izq | Mano sinistra | Mão esquerda | Linkerhand |
        Vänster axel | Venstre hånd | Vasen käsi |
        Łokieć lewy | Levá ruka | Левая кисть | 左手 | 왼손 | 좌측 손목
    """,
    Laterality.RIGHT: """
        ELBOW RIGHT DR L MILLER | HAND R 3V | RX POIGNET D F+P | RX MUÑECA D | POLSO DX |
        Håndled hø. | Nadgarstek P |
        Sağ omuz | Jobb csukló | Δεξιός καρπός | ברך ימין | Права кисть | มือขวา | المعصم الأيمن |
        RX GOMITO D |
        R WRIST | WRIST RT | Right hand | HAND-R | Handgelenk re | Rechtes Handgelenk | Poignet droit |
        Mano derecha | Mano destra | Mão direita | Höger axel | Højre hånd | Høyre hånd | Oikea käsi |
        Łokieć prawy | Pravá ruka | Правая кисть | 右手 | 오른손 | 우측 손목
    """,
    Laterality.BOTH: """
        L&R HANDS | LT/RT WRIST | Right hand, left hand | Hände re/li | Обидві кисті | כפות ידיים דו צדדי |
        Both hands | Hands bilateral | Hände bds. | Beide Handgelenke | Les deux mains | Ambas manos |
        L + R hand | Hand rechts und links | Обеих кистей | 両手 | 左右手 | 양측 손
    """,
    Laterality.UNKNOWN: """
        XR WRIST R/O FX | R/O FX WRIST | FOREARM 2V E.R. PORTABLE | HAND E.R. | RE-EXAM ELBOW |
        HAND RE-CHECK |
        SHOULDER DR L MILLER | L. Miller WRIST | WRIST L. Miller | WRIST ROOM L2 | L-SPINE | LS SPINE |
        AC JOINT |
        L WRIST R | HAND PA R OBL | LEFT HAND RT | XR BOTH BONES | Radio de l'épaule | DX HAND PA |
        PUNHO E COTOVELO | FINGER V | RX MANO SIN CONTRASTE | WRIST 3D |
        Wrist | Handgelenk der Hand | DX HAND | Level 1 | Relay | Droid | Hand d.p. | Larm | Main | 手
    """,
}


def laterality_of(header: InstanceHeader) -> Laterality:
    return laterality_match(header).laterality


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


def test_what_is_nearer_to_the_image_goes_first():
    sources: list[tuple[str, object]] = [
        ("image_laterality", "L"),
        ("series_description", "RT HAND"),
        ("study_description", "bilateral"),
    ]
    found = [laterality_of(header(**dict(sources[start:]))).value for start in range(len(sources))]
    assert found == ["L", "R", "B"]


@pytest.mark.parametrize(
    "values",
    [
        {"image_laterality": "L", "laterality": "R"},
        {"image_laterality": "R", "anatomic_region_modifiers": (CodedTerm(scheme="SCT", value="7771000"),)},
        {"image_laterality": "R", "series_description": "LEFT HAND PA"},
        {"laterality": "R", "protocol_name": "Hand links"},
        {"series_description": "left", "protocol_name": "right"},
        {"study_description": "XR HAND LEFT", "procedure_texts": ("XR HAND RIGHT",)},
    ],
)
def test_sources_that_contradict_each_other_leave_the_side_unknown_and_are_named(values):
    match = laterality_match(header(**values))
    assert match.laterality is Laterality.UNKNOWN
    assert match.against
    assert not match.decided_by


@pytest.mark.parametrize(
    ("values", "side", "against"),
    [
        ({"image_laterality": "L", "study_description": "XR HAND RIGHT"}, "L", ("StudyDescription",)),
        ({"laterality": "R", "series_description": "LT WRIST PA"}, "R", ("SeriesDescription",)),
        (
            {"series_description": "L FOREARM AP", "study_description": "FOREARM RT"},
            "L",
            ("StudyDescription",),
        ),
        ({"image_laterality": "L", "laterality": "B"}, "L", ()),
        ({"image_laterality": "L", "study_description": "BOTH HANDS"}, "L", ()),
    ],
)
def test_what_is_much_nearer_to_the_image_stays_and_the_contradiction_is_told(values, side, against):
    match = laterality_match(header(**values))
    assert (match.laterality.value, match.against) == (side, against)


def test_the_procedure_names_the_side_where_nothing_else_does():
    assert laterality_of(header(procedure_texts=("XR Handgelenk links",))) is Laterality.LEFT
