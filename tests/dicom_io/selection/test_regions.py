import tomllib
from importlib import resources

import pytest
from pydicom.sr.codedict import codes

from dicom_io.reading.values import CodedTerm
from dicom_io.selection.regions import Region, RegionMatch, region_of
from tests.dicom_io.headers import header

E, F, A, H, U, S, W = (
    Region.ELBOW, Region.FINGER, Region.FOREARM, Region.HAND, Region.HUMERUS, Region.SHOULDER, Region.WRIST,
)  # fmt: skip
UNKNOWN, OTHER = RegionMatch(), RegionMatch(other=True)


WORDS = {
    Region.ELBOW: """
        XR ELBOW 2 VIEWS LEFT | Olecranon | Ellenbogen re. 2 Eb. | Ellbogengelenk | Coude gauche |
        Codo izquierdo | Gomito dx | Cotovelo | Elleboog | Armbåge | Albue | Kyynärpää | Łokieć lewy |
        Loket | Локтевой сустав | 右肘関節 | 肘关节正侧位 | 팔꿈치
    """,
    Region.FINGER: """
        XR Finger(s) Rt | THUMB LT | 5th digit | Zeigefinger li | Daumen | Doigt | Pouce droit |
        2ème doigt de la main | Dedo de la mano | Pulgar | Pollice | Dita della mano | Quirodáctilo |
        Dedos da mão | Vinger | Tumme | Tommelfinger | Sormi | Palec ręki | Kciuk | Prst ruky |
        Пальцы кисти | 母指 | 左手指 | 拇指 | 손가락
    """,
    Region.FOREARM: """
        FOREARM AP/LAT | radius/ulna | Unterarm links | Avant-bras | AVANT BRAS D | Antebrazo |
        Avambraccio | Antebraço | Onderarm | Underarm | Kyynärvarsi | Przedramię | Předloktí |
        Предплечье | 前腕 | 尺桡骨 | 전완
    """,
    Region.HAND: """
        XR Hand 3V | 4th Metacarpal | Rechte Hand dp | Mittelhandknochen | Hände beidseits |
        Main droite | Mano derecha | Mano sin | Mão E | Käsi | Dłoń | Ręka | Ruka | Кисть правая |
        左手 | 右手正斜位 | 손
    """,
    Region.HUMERUS: """
        Humerus | Upper Arm | Oberarm | Bras gauche | Húmero | Omero | Braço | Bovenarm | Överarm |
        Olkavarsi | Kość ramienna | Плечевая кость | 上腕骨 | 肱骨 | 상완
    """,
    Region.SHOULDER: """
        Shoulder Y view | CLAVICLE | AC joints | Scapula | Shoulders bilateral | Schultergelenk a.p. |
        Schlüsselbein | Klavikula | Épaule | Clavicule | Hombro | Spalla | Ombro | Schouder links |
        Axel vänster | Skulder | Olkapää | Staw ramienny | Bark | Obojczyk | Rameno |
        Плечевой сустав | плечевого сустава | Ключица | 肩関節 | 鎖骨 | 锁骨 | 어깨
    """,
    Region.WRIST: """
        WRIST_PA | Scaphoid series | carpal tunnel | R-WRIST | Handgelenk in 2 Ebenen | Handwurzel |
        Poignet | Muñeca izq | Polso | Punho D | Pols | Handled | Håndledd | Ranne | Nadgarstek |
        Zápěstí | Лучезапястный сустав | 手関節 | 右手首 | 腕关节 | 手腕 | 손목
    """,
}


@pytest.mark.parametrize(
    ("text", "region"),
    [(text.strip(), region) for region, texts in WORDS.items() for text in texts.split("|")],
)
def test_words_name_the_region(text, region):
    assert region_of(header(series_description=text)) == RegionMatch(region=region)


@pytest.mark.parametrize(
    "text",
    ["Thorax pa", "CHEST 2V", "Knie links", "Genou", "XR Foot", "dedo del pie", "Doigt de pied",
     "Palec u nogi", "палец стопы", "HWS", "L-Spine", "Bone age", "Cadera", "Fuß",
     "胸部", "右膝", "足趾", "무릎", "발가락"],
)  # fmt: skip
def test_words_name_another_region(text):
    assert region_of(header(series_description=text)) == OTHER


@pytest.mark.parametrize(
    "text",
    ["", "AP", "Series 1", "Upper limb", "ARM", "extremity", "handling", "Maintenance", "digital radiography",
     "手術後", "손상", "Nachbar", "Kontrolle"],
)  # fmt: skip
def test_words_that_name_no_region(text):
    assert region_of(header(series_description=text)) == UNKNOWN


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("Hand + Wrist", RegionMatch(ambiguous=(H, W))),
        ("Hand/Handgelenk", RegionMatch(ambiguous=(H, W))),
        ("Coude et avant-bras", RegionMatch(ambiguous=(E, A))),
        ("左手および前腕", RegionMatch(ambiguous=(A, H))),
        ("Wrist and knee", RegionMatch(ambiguous=(W,), other=True)),
    ],
)
def test_several_regions_are_not_guessed_between(text, match):
    assert region_of(header(series_description=text)) == match


@pytest.mark.parametrize(
    ("terms", "match"),
    [
        ("WRIST | HANDGELENK | R WRIST | Scaphoid", RegionMatch(region=W)),
        ("UPPERARM | UPPER ARM | UPARM", RegionMatch(region=U)),
        ("FINGER | THUMB", RegionMatch(region=F)),
        ("SHOULDER | CLAVICLE | SCAPULA | AC JOINT | ACJOINT", RegionMatch(region=S)),
        ("FOREARM | RADIUS | ULNA | RADIUS_ULNA", RegionMatch(region=A)),
        ("CHEST | LOW_EXM | LOWEXM | SKULL | KNEE | Thorax", OTHER),
        ("UP_EXM | EXTREMITY | EXTREMETY | ARM | UPPERLIMB", UNKNOWN),
        ("HAND WRIST", RegionMatch(ambiguous=(H, W))),
    ],
)
def test_body_part_examined(terms, match):
    for term in terms.upper().split(" | "):
        assert region_of(header(body_part_examined=term)) == match, term


@pytest.mark.parametrize("generic", ["UP_EXM", "ARM", "EXTREMITY"])
def test_a_generic_body_part_leaves_the_word_to_the_description(generic):
    found = region_of(header(body_part_examined=generic, study_description="Poignet droit"))
    assert found == RegionMatch(region=W)


@pytest.mark.parametrize(
    ("scheme", "value", "meaning", "match"),
    [
        ("SCT", "74670003", "", RegionMatch(region=W)),
        ("SCT", "8205005", "Carpus", RegionMatch(region=W)),
        ("SRT", "T-15460", "Wrist", RegionMatch(region=W)),
        ("SNM3", "T-D8810", "Thumb", RegionMatch(region=F)),
        ("SCT", "51299004", "Clavicle", RegionMatch(region=S)),
        ("SCT", "816094009", "Chest", OTHER),
        ("SCT", "53120007", "Upper limb", UNKNOWN),
        ("99LOCAL", "HG", "Handgelenk", RegionMatch(region=W)),
        ("99LOCAL", "T-15460", "", UNKNOWN),
    ],
)
def test_anatomic_region_code(scheme, value, meaning, match):
    term = CodedTerm(scheme=scheme, value=value, meaning=meaning)
    assert region_of(header(anatomic_regions=(term,))) == match


def test_each_source_goes_before_the_next():
    sources: list[tuple[str, object]] = [
        ("anatomic_regions", (CodedTerm(scheme="SCT", value="16953009"),)),
        ("series_description", "Finger"),
        ("protocol_name", "Humerus"),
        ("study_description", "Shoulder"),
        ("body_part_examined", "WRIST"),
    ]
    found = [region_of(header(**dict(sources[start:]))).region for start in range(len(sources))]
    assert found == [E, F, U, S, W]


FOREIGN = [
    {"study_description": "XR FOOT LT", "series_description": "5th digit oblique"},
    {"study_description": "RX PIE IZQ", "series_description": "5to dedo oblicua"},
    {"study_description": "XR FOOT RT 3V", "series_description": "Navicular obl"},
    {"study_description": "左足正斜位", "series_description": "舟骨位"},
    {"study_description": "DIGIT 3", "protocol_name": "FOOT OBLIQUE"},
    {"study_description": "XR DIGIT", "procedure_texts": ("XR TOES",)},
    {"body_part_examined": "WRIST", "study_description": "XR ANKLE RT"},
    {"body_part_examined": "HAND", "series_description": "Knie a.p."},
    {"body_part_examined": "CHEST", "series_description": "SHOULDER AP"},
    {"body_part_examined": "HAND", "study_description": "HAND RT / L-SPINE"},
    {"body_part_examined": "HAND", "anatomic_regions": (CodedTerm(scheme="SCT", value="56459004"),)},
    {"series_description": "FOOT", "anatomic_regions": (CodedTerm(scheme="SCT", value="85562004"),)},
]


@pytest.mark.parametrize("values", FOREIGN)
def test_a_part_that_is_not_read_excludes_wherever_it_is_named(values):
    match = region_of(header(**values))
    assert match.region is None
    assert match.ambiguous
    assert match.other
    assert match.decided_by
    assert match.against


@pytest.mark.parametrize(
    ("values", "region"),
    [
        ({"study_description": "HAND RT / L-SPINE", "series_description": "HAND AP"}, H),
        ({"study_description": "XR SKELETAL SURVEY", "series_description": "HUMERUS LT AP"}, U),
        (
            {
                "study_description": "XR FOOT",
                "anatomic_regions": (CodedTerm(scheme="SCT", value="85562004"),),
            },
            H,
        ),
        ({"body_part_examined": "HUMERUS", "study_description": "XR ELBOW RT"}, E),
        ({"body_part_examined": "HAND", "study_description": "XR HAND AND WRIST"}, H),
        ({"body_part_examined": "SHOULDER", "series_description": "MAIN ED AP"}, S),
        ({"study_description": "XR FOREARM", "series_description": "AP HAND HELD"}, A),
        ({"study_description": "XR HAND 5TH DIGIT"}, F),
    ],
)
def test_sources_that_agree_well_enough_name_the_region(values, region):
    assert region_of(header(**values)).region is region


def test_a_weak_word_gives_way_to_any_other():
    assert region_of(header(series_description="MAIN", body_part_examined="ELBOW")).region is E
    assert region_of(header(series_description="MAIN G")).region is H


def test_the_study_and_its_procedure_count_together():
    found = region_of(header(study_description="Hand", procedure_texts=("Wrist",)))
    assert found == RegionMatch(ambiguous=(H, W))


def table():
    shipped = resources.files("dicom_io.selection") / "vocabulary.toml"
    return tomllib.loads(shipped.read_text(encoding="utf-8"))["region"]


def test_every_region_has_a_table_and_the_code_of_the_standard():
    # CID 4031, as pydicom ships it, is the second source
    standard = {getattr(codes.cid4031, name).value for name in codes.cid4031.dir()}
    assert set(table()) == {*(region.value for region in Region), "other", "generic", "nothing"}
    for region in Region:
        assert table()[region]["sct"][0] in standard


def test_no_code_or_defined_term_has_two_meanings():
    for kind in ("sct", "srt", "bpe"):
        values = [value for section in table().values() for value in section.get(kind, ())]
        assert sorted(values) == sorted(set(values))


def test_every_word_finds_its_own_region():
    for region in Region:
        for kind in ("words", "weak"):
            for terms in table()[region].get(kind, {}).values():
                for term in terms:
                    found = region_of(header(series_description=term.replace("*", "")))
                    assert found.region == region, term


def test_every_word_of_another_part_keeps_an_instance_out():
    for kind in ("words", "weak"):
        for terms in table()["other"][kind].values():
            for term in terms:
                found = region_of(header(series_description=term.replace("*", ""), body_part_examined="HAND"))
                assert found.other, term
