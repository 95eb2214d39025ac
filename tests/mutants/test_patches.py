"""The mutants fit the tree: each patch applies, and names a test that exists."""

import shutil
import subprocess
import sys

import pytest

from tests.mutants.patches import (
    FOLDER,
    TREE,
    Mutant,
    MutantMalformed,
    all_mutants,
    apply,
    has_test,
    read_mutant,
)

MUTANTS = all_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_patch_applies_to_the_tree_and_names_a_test(mutant: Mutant):
    assert apply(mutant, TREE, dry=True) == "", f"{mutant.path.name} no longer applies; write it anew"
    assert has_test(mutant, TREE), f"{mutant.path.name}: there is no {mutant.test}"


def test_the_tests_of_the_mutants_are_not_changed_by_them():
    assert not [one.name for one in MUTANTS if any(file.startswith("tests/") for file in one.files)]


def test_a_patch_that_no_longer_applies_is_told(tmp_path):
    mutant = MUTANTS[0]
    file = tmp_path / mutant.files[0]
    file.parent.mkdir(parents=True)
    file.write_text("nothing of what was there\n")
    assert "FAILED" in apply(mutant, tmp_path)


def test_a_patch_is_applied_to_a_copy(tmp_path):
    mutant = MUTANTS[0]
    file = tmp_path / mutant.files[0]
    file.parent.mkdir(parents=True)
    shutil.copy2(TREE / mutant.files[0], file)
    assert apply(mutant, tmp_path) == ""
    assert file.read_text() != (TREE / mutant.files[0]).read_text()


@pytest.mark.parametrize("missing", ["Test: ", "+++ b/", "."])
def test_a_patch_that_does_not_say_what_it_must_is_refused(tmp_path, missing):
    whole = (FOLDER / f"{MUTANTS[0].name}.patch").read_text()
    sentence, _, rest = whole.partition("\n")
    broken = f"{sentence.rstrip('.')}\n{rest}" if missing == "." else whole.replace(missing, "")
    (tmp_path / "broken.patch").write_text(broken)
    with pytest.raises(MutantMalformed, match=r"broken\.patch must begin with a sentence"):
        read_mutant(tmp_path / "broken.patch")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_mutant_is_killed():
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants"], cwd=TREE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
