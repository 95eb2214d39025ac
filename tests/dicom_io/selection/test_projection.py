import pytest
from pydicom.sr._snomed_dict import mapping
from pydicom.sr.codedict import codes

from dicom_io.reading.instance import InstanceHeader
from dicom_io.reading.values import CodedTerm
from dicom_io.selection.projection import Projection, projection_match
from dicom_io.selection.words import shipped_words
from tests.dicom_io.headers import header

WORDS = {
    Projection.FRONTAL: """
        Wrist PA | AP | Hand d.p. | a.p. | Hand dorsopalmar | Poignet de face | Прямая проекция |
        正面 | 腕关节正位
    """,
    Projection.LATERAL: """
        LAT | Wrist lateral | Handgelenk seitl. | Poignet profil | Perfil | Shoulder Y view | Scapular Y |
        Zdjęcie boczne | боковая проекция | 側面 | 侧位
    """,
    Projection.OBLIQUE: "Hand OBL | oblique | PA oblique | Hand schräg | oblicua | косая проекция | 斜位",
    Projection.AXILLARY: "Axillary | Schulter axial | Axiale | Velpeau | 軸位",
    Projection.UNKNOWN: "Wrist | AP + LAT | Wrist 2 views | PA, LAT, OBL | Tangential | 手",
}


def projection_of(header: InstanceHeader) -> Projection:
    return projection_match(header).projection


@pytest.mark.parametrize(
    ("text", "kind"),
    [(text.strip(), kind) for kind, texts in WORDS.items() for text in texts.split("|")],
)
def test_words_name_the_projection(text, kind):
    assert projection_of(header(series_description=text)) is kind


@pytest.mark.parametrize(
    ("view_position", "kind"),
    [
        ("AP", Projection.FRONTAL),
        ("PA", Projection.FRONTAL),
        ("LL", Projection.LATERAL),
        ("RL", Projection.LATERAL),
        ("LATERAL", Projection.LATERAL),
        ("LAO", Projection.OBLIQUE),
        ("RPO", Projection.OBLIQUE),
        ("OBLIQUE", Projection.OBLIQUE),
        ("LM", Projection.LATERAL),
        ("LATERO-MEDIAL", Projection.LATERAL),
        ("YV", Projection.LATERAL),
        ("TAN", Projection.UNKNOWN),
        ("AXIAL", Projection.AXILLARY),
        ("", Projection.UNKNOWN),
        ("XYZ", Projection.UNKNOWN),
    ],
)
def test_view_position(view_position, kind):
    assert projection_of(header(view_position=view_position)) is kind


def test_each_source_goes_before_the_next():
    sources: list[tuple[str, object]] = [
        ("views", (CodedTerm(scheme="SCT", value="399067008"),)),
        ("view_position", "PA"),
        ("series_description", "lateral"),
        ("protocol_name", "axial"),
    ]
    found = [projection_of(header(**dict(sources[start:]))).value for start in range(len(sources))]
    assert found == ["lateral", "axillary", "lateral", "axillary"]


def test_every_view_code_is_in_the_context_groups_of_the_standard():
    # CID 4010 and 4012, as pydicom ships them, are the second source; its map gives the SRT code of each
    groups = (codes.cid4010, codes.cid4012)
    standard = {
        getattr(group, name).value: getattr(group, name).meaning for group in groups for name in group.dir()
    }
    table = shipped_words().projection.codes
    numeric = {code: kind for code, kind in table.items() if code.isdigit()}
    assert set(numeric) <= set(standard)
    for code, kind in numeric.items():
        is_named_for_a_person = standard[code][0].isupper()
        assert is_named_for_a_person or ("oblique" in standard[code]) == (kind == Projection.OBLIQUE), code
    assert table == {**numeric, **{mapping["SCT"][code]: kind for code, kind in numeric.items()}}


@pytest.mark.parametrize(
    ("scheme", "value", "meaning", "kind"),
    [
        ("SRT", "R-10206", "antero-posterior", Projection.FRONTAL),
        ("SNM3", "R-10236", "left lateral", Projection.LATERAL),
        ("99SDM", "R-102C1", "oblique", Projection.OBLIQUE),
        ("SCT", "399157000", "Norgaard", Projection.OBLIQUE),
        ("99LOCAL", "X1", "Seitlich", Projection.LATERAL),
        ("99LOCAL", "R-10206", "", Projection.UNKNOWN),
    ],
)
def test_view_codes_of_all_schemes(scheme, value, meaning, kind):
    term = CodedTerm(scheme=scheme, value=value, meaning=meaning)
    assert projection_of(header(views=(term,))) is kind


@pytest.mark.parametrize(
    ("view_position", "series", "kind"),
    [
        ("LAT", "Axillary", Projection.AXILLARY),
        ("PA", "Hand PA oblique", Projection.OBLIQUE),
        ("PA", "Hand lateral", Projection.FRONTAL),
    ],
)
def test_words_make_a_plain_view_position_finer(view_position, series, kind):
    assert projection_of(header(view_position=view_position, series_description=series)) is kind
