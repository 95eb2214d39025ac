"""The mutants as they are written down."""

import ast
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent

_TEST = re.compile(r"^Test: (?P<path>tests/\S+\.py)::(?P<name>test_\w+)(?P<case>\[.+\])?$", re.MULTILINE)
_FILE = re.compile(r"^\+\+\+ b/(\S+)$", re.MULTILINE)


class MutantMalformed(Exception):
    """A patch does not say what it must; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One way to break the code.

    Attributes
    ----------
    sentence
        What is broken.
    test
        The test that must fail, as pytest names it.
    files
        What the patch changes, relative to the tree.
    """

    name: str
    path: Path
    sentence: str
    test: str
    files: tuple[str, ...]

    @property
    def test_file(self) -> str:
        """The file of the test, relative to the tree."""
        return self.test.partition("::")[0]

    @property
    def test_name(self) -> str:
        """The function of the test."""
        return self.test.partition("::")[2].partition("[")[0]


def read_mutant(path: Path) -> Mutant:
    """Read one patch; raise MutantMalformed where it does not say what it must."""
    text = path.read_text(encoding="utf-8")
    test, files = _TEST.search(text), tuple(_FILE.findall(text))
    sentence = text.partition("\n")[0]
    if test is None or not files or not sentence.endswith("."):
        raise MutantMalformed(
            f"{path.name} must begin with a sentence and `Test: tests/...py::test_name`, and hold a diff"
        )
    named = test[0].removeprefix("Test: ")
    return Mutant(name=path.stem, path=path, sentence=sentence, test=named, files=files)


def all_mutants() -> tuple[Mutant, ...]:
    """Give every mutant, by name."""
    return tuple(read_mutant(path) for path in sorted(FOLDER.glob("*.patch")))


def apply(mutant: Mutant, tree: Path, *, dry: bool = False) -> str:
    """Apply a patch to a copy of the tree; give what `patch` says where it does not fit, else nothing."""
    command = ["patch", "-p1", "-F2", "--batch", "--forward", "--no-backup-if-mismatch", "--reject-file=-"]
    command += ["--dry-run"] if dry else []
    command += ["-i", str(mutant.path)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr) if done.returncode else ""


def has_test(mutant: Mutant, tree: Path) -> bool:
    """Tell whether the named test is a function of the named file."""
    file = tree / mutant.test_file
    if not file.is_file():
        return False
    functions = ast.parse(file.read_text(encoding="utf-8")).body
    return any(isinstance(one, ast.FunctionDef) and one.name == mutant.test_name for one in functions)
