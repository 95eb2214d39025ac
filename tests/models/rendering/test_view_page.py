from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models.bundle.manifest import Preprocessing
from models.finding import MemberFinding, ViewFinding
from models.fold import Fold
from models.places import Place
from models.reference.drift import InputCheck, InputWarning
from models.rendering import view_page as page
from models.rendering.comparison import BACKGROUND
from models.rendering.text_lines import Row, Text, set_rows, text_width
from models.rendering.view_page import LONGEST_SIDE, render_page
from models.rendering.words import WARNING, Caption, header_rows
from models.study_finding import study_finding
from tests.models.builders import a_study, a_view, an_identity

SHAPES = [
    (400, 300),
    (300, 400),
    (2880, 2304),
    (300, 3000),
    (3000, 300),
    (1, 1),
    (1, 4000),
    (4000, 1),
    (40, 50),
]


# Log-odds of no suspicion anywhere.
COLD = np.full((7, 7), -20.0, dtype=np.float32)


def a_caption(study=None, **changes):
    texts = {"product": "ulna 0.1.0", "view": "Wrist, left, lateral - view 1 of 3"}
    return Caption(study=study or a_study(0.9), **{**texts, **changes})


def a_picture(rows=400, cols=300):
    return np.tile(np.linspace(0.2, 1.0, cols, dtype=np.float32), (rows, 1))


def render(view=None, finding=None, caption=None, preprocessing=None):
    return render_page(
        a_picture() if view is None else view,
        finding or a_view(0.4, 0.7),
        caption or a_caption(),
        preprocessing or Preprocessing(),
    )


def texts_of(finding, caption, width=720):
    set_texts = page._Texts.of(finding, caption, width=width)
    blocks = [set_texts.banner, set_texts.header, set_texts.legend, set_texts.footer]
    return " ".join(line.text.content for block in blocks if block for line in block.lines)


def wordy():
    """The longest texts that a bundle and a caption can hold."""
    members = tuple(
        MemberFinding(
            member=f"{number:02}{'m' * 34}",
            logit=0.0,
            probability=0.5,
            activation=np.ones((7, 7), np.float32),
        )
        for number in range(32)
    )
    study = a_study(0.9, name="n" * 36, version="v" * 16, trained=False)
    check = InputCheck(distance=9.0, warning=InputWarning.CONTENT)
    finding = ViewFinding(view_id="view", members=members, input_check=check)
    return finding, a_caption(study, product="p" * 120, view="w" * 120, caution="c" * 120)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("texts", [(a_view(0.5), a_caption()), wordy()], ids=["usual", "wordy"])
def test_page_is_rgb_and_no_side_is_above_the_limit(shape, texts):
    rendered = render(a_picture(*shape), *texts)

    assert rendered.dtype == np.uint8
    assert rendered.shape[2] == 3
    assert max(rendered.shape) <= LONGEST_SIDE


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("texts", [(a_view(0.5), a_caption()), wordy()], ids=["usual", "wordy"])
def test_no_text_reaches_the_border(shape, texts):
    rendered = render(np.zeros(shape, dtype=np.float32), *texts)

    # Left, right and below nothing is written; above stand the stripe and the banner, which reach both sides.
    top = 60
    border = np.concatenate(
        [
            rendered[top:, :18].reshape(-1, 3),
            rendered[top:, -18:].reshape(-1, 3),
            rendered[-18:].reshape(-1, 3),
        ]
    )
    assert {tuple(pixel) for pixel in np.unique(border, axis=0).tolist()} == {BACKGROUND}


def test_a_caution_beside_that_of_the_pixels_is_in_the_header_in_the_color_of_warnings():
    check = InputCheck(distance=9.0, warning=InputWarning.CONTENT)
    finding = replace(a_view(0.5), input_check=check)
    rows = header_rows(finding, a_caption(caution="CAUTION: the patient is young."))
    said = [row.left.content for row in rows if row.left.color == WARNING]
    assert said == ["CAUTION: the patient is young.", f"CAUTION: {InputWarning.CONTENT.sentence}"]
    assert all(row.left.color != WARNING for row in header_rows(a_view(0.5), a_caption()))


@pytest.mark.parametrize("width", [100, 333, 720])
def test_lines_lie_within_the_width_they_are_set_for(width):
    rows = [
        Row(left=Text(content="left and longer " * 9, size=20, color=(1, 1, 1))),
        Row(
            left=Text(content="left", size=28, color=(1, 1, 1)),
            right=Text(content="right" * 30, size=15, color=(1, 1, 1)),
        ),
        Row(
            left=Text(content="l", size=15, color=(1, 1, 1)),
            right=Text(content="r", size=15, color=(1, 1, 1)),
        ),
    ]

    block = set_rows(rows, width=width)

    assert all(line.x >= 0 and line.x + text_width(line.text) <= width + 1 for line in block.lines)
    assert all(0 <= line.y < block.height for line in block.lines)
    written = "".join(line.text.content for line in block.lines).replace(" ", "")
    assert written == "leftandlonger" * 9 + "left" + "right" * 30 + "lr"


def test_same_arguments_give_the_same_bytes():
    assert render().tobytes() == render().tobytes()


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.9, "LIKELY FRACTURE"),
        (0.6, "SUSPECTED FRACTURE"),
        (0.1, "No fracture suspected"),
    ],
)
def test_page_says_category_score_and_operating_point(score, words):
    texts = texts_of(a_view(0.25, 0.5), a_caption(a_study(score)))

    assert words in texts
    assert f"Study: P(fracture) {score} (1 view) {'reaches' if score >= 0.5 else 'is below'} the" in texts
    assert 'operating point "sensitive", 0.5.' in texts
    assert "Looked for: fracture; other findings were not looked for." in texts
    assert (
        "This view: P(fracture) 0.375 (is below the operating point), the mean by votes of: "
        "member0 0.25 (vote 50%), member1 0.5 (vote 50%)." in texts
    )


def test_a_page_names_the_view_that_reaches_what_its_study_misses():
    study = a_study(0.1, 0.7)
    quiet, loud = study.views

    assert "This view alone reaches the operating point" in texts_of(loud, a_caption(study))
    assert "View 2 alone would reach the operating point." in texts_of(quiet, a_caption(study))
    assert "alone" not in texts_of(quiet, a_caption(a_study(0.1, 0.2)))
    assert "alone" not in texts_of(loud, a_caption(a_study(0.1, 0.7, fold=Fold.HIGHEST)))


def test_pages_of_two_parts_name_the_one_that_is_flagged_and_their_own():
    views = [replace(a_view(0.9, view_id="l"), part="left hand"), replace(a_view(0.1), part="right hand")]
    study = study_finding(views, bundle=an_identity(), operating_point="sensitive")

    left, right = (texts_of(view, a_caption(study)) for view in study.views)

    for texts in (left, right):
        assert "LIKELY FRACTURE, left hand" in texts
        assert "Study: P(fracture) 0.9 (left hand, 1 view) reaches" in texts
    assert "This part, left hand: P(fracture) 0.9 (1 view), likely fracture." in left
    assert "This part, right hand: P(fracture) 0.1 (1 view), no fracture suspected." in right


@pytest.mark.parametrize("score", [0.1, 0.6, 0.9])
@pytest.mark.parametrize("trained", [True, False])
def test_page_never_says_normal_and_always_not_for_diagnostic_use(score, trained):
    texts = texts_of(a_view(0.5), a_caption(a_study(score, trained=trained)))

    assert "NOT FOR DIAGNOSTIC USE" in texts
    assert "normal" not in texts.lower().replace("abnormal", "")
    assert "ulna 0.1.0 | model ensemble200 0.1.0" in texts
    assert ("UNTRAINED: the weights are random" in texts) == (not trained)
    assert ("0.1.0 UNTRAINED" in texts) == (not trained)


def test_banner_of_an_untrained_bundle_spans_the_page():
    def banner_rows(trained):
        rendered = render(caption=a_caption(a_study(0.5, trained=trained)))
        return (rendered[:, [0, -1]] == page._BANNER).all(axis=(1, 2)).sum()

    assert banner_rows(trained=False) >= 24
    assert banner_rows(trained=True) == 0


def test_identifier_of_the_view_is_not_on_the_page():
    finding = a_view(0.5, view_id="1.2.840.99")

    assert "1.2.840.99" not in texts_of(finding, a_caption())
    assert render(finding=finding).tobytes() == render(finding=a_view(0.5, view_id="other")).tobytes()


def test_view_and_overlay_lie_beside_each_other_unenlarged():
    view = a_picture(400, 300)
    finding = a_view(0.5, activation=COLD)
    gray = np.rint(view * 255).astype(np.uint8)

    rendered = render(view, finding)

    # 760 wide page: two pictures of 300 and a gap of 12 are centered.
    left, top = (760 - 612) // 2, first_row_with(rendered, gray[0], (760 - 612) // 2)
    for start in (left, left + 312):
        area = rendered[top : top + 400, start : start + 300]
        np.testing.assert_array_equal(area, np.repeat(gray[..., np.newaxis], 3, axis=2))


def first_row_with(rendered, row, left):
    matches = (rendered[:, left : left + len(row), 0] == row).all(axis=1)
    return int(matches.argmax())


def test_very_wide_view_stands_above_its_overlay():
    wide = render(a_picture(300, 3000), a_view(0.5, activation=COLD))

    # The picture fills the page's width, twice.
    assert wide.shape[1] == LONGEST_SIDE
    bright = (wide[:, -40, :].min(axis=1) > 240).nonzero()[0]
    assert (np.diff(bright) > 1).sum() == 1


@pytest.mark.parametrize(("shape", "pixel_aspect"), [((400, 150), 0.5), ((200, 300), 2.0)])
def test_pixels_that_are_not_square_are_shown_in_right_proportions(shape, pixel_aspect):
    finding, bright = a_view(0.5, activation=COLD), np.ones(shape, np.float32)

    rendered = render_page(bright, finding, a_caption(), Preprocessing(), pixel_aspect)

    # as a view of 400 x 300
    np.testing.assert_array_equal(rendered, render(np.ones((400, 300), np.float32), finding))


def test_activation_shows_in_the_right_picture_only():
    hot, cold = -COLD, COLD

    changed = (
        render(finding=a_view(0.5, activation=hot)) != render(finding=a_view(0.5, activation=cold))
    ).any(axis=2)

    assert not changed[:, :380].any()
    assert changed[:, 386:686].any()


def test_large_view_is_scaled_down_with_antialiasing():
    # A fine checkerboard has the mean tone everywhere once it is shrunk.
    view = (np.indices((3000, 2400)).sum(axis=0) % 2).astype(np.float32)

    rendered = render(view, a_view(0.5, activation=COLD))

    middle = rendered[400:600, 200:400].astype(int)
    assert np.ptp(middle) <= 4
    assert abs(middle.mean() - 127.5) < 3


def test_letterbox_moves_the_overlay():
    activation = COLD.copy()
    activation[0] = 9.0
    view = np.full((100, 400), 0.5, dtype=np.float32)

    stretched = render(view, a_view(0.5, activation=activation))
    letterboxed = render(
        view, a_view(0.5, activation=activation), preprocessing=Preprocessing(resize="letterbox")
    )

    assert (stretched != letterboxed).any()


def test_page_survives_a_trip_through_png(tmp_path):
    rendered = render()
    Image.fromarray(rendered).save(tmp_path / "page.png")

    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "page.png")), rendered)


@pytest.mark.parametrize("text", ["K\u00f6ln", "two\nlines", "t\tab", "x" * 121])
@pytest.mark.parametrize("field", ["product", "view"])
def test_caption_that_no_charset_can_carry_is_refused(field, text):
    with pytest.raises(ValueError, match="printable ASCII"):
        a_caption(**{field: text})


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (4,), (4, 4, 3)])
def test_array_that_is_no_view_is_refused(shape):
    with pytest.raises(ValueError, match="must be"):
        render(np.zeros(shape, dtype=np.float32))


def test_an_unusual_view_is_cautioned_on_its_page_and_counted_on_the_others():
    check = InputCheck(distance=1.2, warning=InputWarning.INVERTED)
    unusual = replace(a_view(0.9, view_id="second"), input_check=check)
    usual = a_view(0.4, view_id="first")
    study = study_finding([usual, unusual], bundle=an_identity(), operating_point="sensitive")

    own, other = (texts_of(view, a_caption(study)) for view in (unusual, usual))

    assert "CAUTION: This view looks inverted (black for white): it differs from the training data" in own
    assert "CAUTION: 1 of 2 views of this study unlike the training data" in other
    assert "CAUTION" not in texts_of(usual, a_caption(a_study(0.9)))
    # It is drawn, too, and in the color of a warning.
    drawn = render(finding=unusual, caption=a_caption(study))
    plain = render(finding=replace(unusual, input_check=None), caption=a_caption(a_study(0.4, 0.9)))
    assert np.count_nonzero((drawn == WARNING).all(axis=2)) > 2 * np.count_nonzero(
        (plain == WARNING).all(axis=2)
    )


def test_a_page_says_which_report_it_replaces():
    caption = replace(a_caption(a_study(0.9)), revision="revision 2, replaces the report of 2025-01-02 22:30")
    assert "Revision 2, replaces the report of 2025-01-02 22:30." in texts_of(a_view(0.9), caption)
    assert "Revision" not in texts_of(a_view(0.9), a_caption(a_study(0.9)))


def outlined(probability, *, view=(400, 300), pixel_aspect=1.0, **study):
    """The page of a black view with one place, and the values along the upper side of its outline."""
    rows, cols = view
    corners = ((0.25, 0.2), (0.25, 0.8), (0.75, 0.8), (0.75, 0.2))
    place = Place(
        outline=tuple((row * rows, col * cols) for row, col in corners),
        peak=0.9,
        peak_at=(rows / 2, cols / 2),
    )
    finding = replace(a_view(probability, activation=COLD), places=(place,))
    bare = replace(finding, places=())
    caption = a_caption(a_study(probability, **study))
    with_places, without = (
        render_page(np.zeros(view, np.float32), each, caption, Preprocessing(), pixel_aspect)
        for each in (finding, bare)
    )
    return with_places, (with_places != without).any(axis=2)


@pytest.mark.parametrize(
    ("probability", "lines", "study"),
    [
        (0.9, 1, {}),
        (0.8, 1, {}),
        (0.79, 13, {}),
        (0.5, 13, {}),
        (0.49, 0, {}),
        (0.9, 1, {"operating_point": "specific"}),
        (0.79, 0, {"operating_point": "specific"}),
    ],
)
def test_places_are_solid_from_specific_dashed_from_the_configured_point(probability, lines, study):
    rendered, changed = outlined(probability, **study)

    # The upper side, 180 pixels of a perimeter of 760: at 14 pixels for a dash 54 dashes in all, 13 here.
    left, top = (760 - 612) // 2 + 312, first_row_with(rendered, np.zeros(300), (760 - 612) // 2)
    side = rendered[top + 100, left + 65 : left + 235].min(axis=1) > 128
    strokes = (np.diff(side.astype(int)) == 1).sum() + side[0]
    assert abs(strokes - lines) <= (lines > 1)
    assert changed.any() == (lines > 0)


@pytest.mark.parametrize("probability", [0.6, 0.9])
def test_nothing_is_drawn_on_the_bare_view(probability):
    _, changed = outlined(probability)

    rows, cols = changed.nonzero()
    left = (760 - 612) // 2
    assert cols.min() >= left + 312 + 60 - 3
    assert cols.max() <= left + 312 + 240 + 3
    assert np.ptp(rows) == pytest.approx(200 + 3, abs=2)


@pytest.mark.parametrize(("view", "pixel_aspect"), [((400, 150), 0.5), ((200, 300), 2.0)])
def test_outlines_follow_pixels_that_are_not_square(view, pixel_aspect):
    rendered, _ = outlined(0.9, view=view, pixel_aspect=pixel_aspect)

    np.testing.assert_array_equal(rendered, outlined(0.9)[0])


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ("sensitive", 'dashed from "sensitive", solid from "specific".'),
        ("specific", 'outlines: solid from "specific".'),
    ],
)
def test_the_legend_says_what_lines_mean(point, words):
    assert words in texts_of(a_view(0.9), a_caption(a_study(0.9, operating_point=point)))
