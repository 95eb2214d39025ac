import pytest
from pydicom.sr.codedict import codes

from dicom_io import projection
from dicom_io.projection import Projection, projection_of
from dicom_io.values import CodedTerm
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
        ("series_description", "oblique"),
        ("protocol_name", "axial"),
    ]
    found = [projection_of(header(**dict(sources[start:]))).value for start in range(len(sources))]
    assert found == ["lateral", "frontal", "oblique", "axillary"]


def test_every_view_code_is_in_the_context_groups_of_the_standard():
    # CID 4010 and 4012, as pydicom ships them, are the second source
    groups = (codes.cid4010, codes.cid4012)
    standard = {
        getattr(group, name).value: getattr(group, name).meaning for group in groups for name in group.dir()
    }
    assert set(projection._CODES) <= set(standard)
    for value, kind in projection._CODES.items():
        meaning = standard[value]
        assert ("oblique" in meaning) == (kind is Projection.OBLIQUE), meaning
