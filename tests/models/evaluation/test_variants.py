import pytest

from models.bundle.manifest import MemberEntry
from models.evaluation.variants import VariantImpossible, variants_of
from tests.models.bundles import tiny_manifest


def manifest(*architectures):
    """A bundle whose members are called m0, m1, ... in this order."""
    return tiny_manifest(
        tuple(
            MemberEntry(name=f"m{n}", architecture=each, file=f"m{n}.safetensors", sha256="0" * 64)
            for n, each in enumerate(architectures)
        )
    )


ENSEMBLE200 = manifest("densenet201", "mobilenet", "nasnetmobile")


def test_a_variant_of_the_paper_finds_its_members_by_architecture():
    assert variants_of(["B"], ENSEMBLE200) == {"B": ("m2", "m1")}


def test_all_that_the_bundle_allows_is_asked_for_by_one_word():
    assert list(variants_of(["paper"], ENSEMBLE200)) == ["ensemble200", "B"]
    assert list(variants_of(["paper", "B"], ENSEMBLE200)) == ["B", "ensemble200"]
    assert list(variants_of(["paper"], manifest("densenet201", "xception", "mobilenet", "nasnetmobile"))) == [
        "ensemble200",
        *"ABCDEF",
        "ALL",
    ]


def test_a_variant_of_ones_own_names_its_members():
    assert variants_of(["pair=m0,m2"], ENSEMBLE200) == {"pair": ("m0", "m2")}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (["Z"], "there are ensemble200, A, B"),
        (
            ["A"],
            "needs one member each of nasnetmobile, xception, mobilenet; the bundle has m0 .densenet201.",
        ),
        (["pair=m0,m9"], "each must be one of the bundle's"),
        (["pair=m0,m0"], "once"),
        (["pair="], "each must be one of the bundle's"),
        (["m0=m1"], "cannot be called 'm0'"),
        (["ensemble=m1"], "cannot be called 'ensemble'"),
        (["B", "B=m1"], "cannot be called 'B'"),
        (["=m1"], "cannot be called ''"),
        (["a$b$=m1"], "letters, digits"),
    ],
)
def test_what_the_bundle_has_not_is_refused(wanted, told):
    with pytest.raises(VariantImpossible, match=told):
        variants_of(wanted, ENSEMBLE200)


def test_two_members_of_one_architecture_leave_the_paper_s_variants_unclear():
    with pytest.raises(VariantImpossible, match="one member each"):
        variants_of(["B"], manifest("mobilenet", "mobilenet", "nasnetmobile"))
