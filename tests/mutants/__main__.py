"""Break the code in each known way, and see a test fail: `python -m tests.mutants [NAME ...]`.

Exit status 0 only when every mutant is killed. The checkout is not touched: each of two copies of it takes
one patch at a time. Tests run in forks of this process, which has loaded the large libraries once.
"""

import argparse
import importlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from tests.mutants.patches import TREE, Mutant, all_mutants, apply

_LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "shared", "bundles"
)
_OURS = ("daemon", "dicom_io", "models", "sr_templates", "tests")
# What takes a test longest to import; none of it starts a thread.
_LIBRARIES = (
    "alembic.autogenerate",
    "alembic.command",
    "contourpy",
    "highdicom.sr",
    "hypothesis",
    "imagecodecs",
    "matplotlib",
    "pydantic.main",
    "pynetdicom",
    "safetensors.torch",
    "sqlalchemy.dialects.sqlite",
    "torch",
)
_OPTIONS = ("-x", "-q", "--tb=line", "--no-header", "-p", "no:cacheprovider", "-p", "pytest_timeout")
_TESTS_FAILED = 1  # pytest's exit status
_ERROR = re.compile(r"^/\S+:\d+: (?P<error>\w+)", re.MULTILINE)
# A mutant must be wrong, not unable to run.
_UNABLE = frozenset(
    {"AttributeError", "ImportError", "ModuleNotFoundError", "NameError", "SyntaxError", "TypeError"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    mutant: Mutant
    verdict: str
    detail: str

    @property
    def killed(self) -> bool:
        return self.verdict == "killed"


@dataclass(frozen=True, slots=True)
class _Running:
    mutant: Mutant
    tree: Path
    log: Path


def main(arguments: Sequence[str]) -> int:
    """Run the mutants that are named, all by default; give the exit status."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a patch without its suffix")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: 2)")
    options = parser.parse_args(arguments)
    mutants = [one for one in all_mutants() if not options.names or one.name in options.names]
    if unknown := set(options.names) - {one.name for one in mutants}:
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    for library in _LIBRARIES:
        importlib.import_module(library)
    with _copies(options.jobs) as trees:
        if not _unbroken_code_passes(mutants, trees[0]):
            return 1
        outcomes = list(_tried(mutants, trees))
    _print_table(sorted(outcomes, key=lambda outcome: outcome.mutant.name))
    killed = sum(outcome.killed for outcome in outcomes)
    print(f"{killed} of {len(outcomes)} mutants killed in {time.monotonic() - began:.0f} s")
    return 0 if killed == len(mutants) else 1


@contextmanager
def _copies(count: int) -> Iterator[list[Path]]:
    """Copy the tree so often; what is large and nobody breaks is a link."""
    with tempfile.TemporaryDirectory(prefix="ulna-mutants-") as folder:
        trees = [Path(folder) / f"tree{number}" for number in range(count)]
        for tree in trees:
            shutil.copytree(TREE, tree, ignore=_LEFT_OUT, symlinks=True)
            (tree / "models" / "bundles").symlink_to(TREE / "models" / "bundles")
        yield trees


def _unbroken_code_passes(mutants: Sequence[Mutant], tree: Path) -> bool:
    """Run all named tests on the tree as it is."""
    log = tree.parent / "unbroken.log"
    tests = list(dict.fromkeys(mutant.test for mutant in mutants))
    _progress(f"{len(tests)} tests on the code as it is")
    _, status = os.waitpid(_fork(tests, tree, log), 0)
    if os.waitstatus_to_exitcode(status) != 0:
        print(log.read_text(), file=sys.stderr)
        print("A test fails without any mutant; mend that first.", file=sys.stderr)
        return False
    return True


def _tried(mutants: Sequence[Mutant], trees: Sequence[Path]) -> Iterator[_Outcome]:
    """Try every mutant, as many at a time as there are trees."""
    waiting, free = list(mutants), list(trees)
    running: dict[int, _Running] = {}
    done = 0
    while waiting or running:
        if waiting and free:
            mutant, tree = waiting.pop(0), free.pop()
            if misfit := apply(mutant, tree):
                _restore(mutant, tree)
                free.append(tree)
                yield _Outcome(mutant=mutant, verdict="does not apply", detail=" ".join(misfit.split()))
                continue
            log = tree.parent / f"{mutant.name}.log"
            running[_fork([mutant.test], tree, log)] = _Running(mutant, tree, log)
            continue
        process, status = os.wait()
        ended = running.pop(process)
        _restore(ended.mutant, ended.tree)
        free.append(ended.tree)
        outcome = _judged(ended, os.waitstatus_to_exitcode(status))
        done += 1
        _progress(f"{done} of {len(mutants)}: {outcome.mutant.name} {outcome.verdict}")
        yield outcome


def _judged(ended: _Running, status: int) -> _Outcome:
    said = ended.log.read_text(errors="replace")
    found = _ERROR.search(said)
    error = found["error"] if found else ""
    if status == 0:
        return _Outcome(mutant=ended.mutant, verdict="SURVIVED", detail=ended.mutant.sentence)
    if status != _TESTS_FAILED or error in _UNABLE:
        lines = said.strip().splitlines() or [""]
        return _Outcome(mutant=ended.mutant, verdict="cannot run", detail=f"status {status}: {lines[-1]}")
    return _Outcome(mutant=ended.mutant, verdict="killed", detail=ended.mutant.test)


def _fork(tests: Sequence[str], tree: Path, log: Path) -> int:
    """Run tests of a copy of the tree in a child; give its process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        return process
    status = 3
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        status = _run_tests(tests, tree)
    finally:
        sys.stdout.flush()
        os._exit(status)


def _run_tests(tests: Sequence[str], tree: Path) -> int:
    os.chdir(tree)
    os.environ |= {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sys.path[:] = [str(tree), *(path for path in sys.path if Path(path or ".").resolve() not in (TREE, tree))]
    for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
        del sys.modules[name]  # they are of the checkout
    return int(pytest.main([*_OPTIONS, "--timeout=120", f"--basetemp={tree.parent / tree.name}-tmp", *tests]))


def _restore(mutant: Mutant, tree: Path) -> None:
    for file in mutant.files:
        shutil.copy2(TREE / file, tree / file)
        # Python knows what it has compiled by the second and the size, which two mutants may share.
        Path(cache_from_source(tree / file)).unlink(missing_ok=True)


def _progress(text: str) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"{text[:100]:100}", end=end, file=sys.stderr, flush=True)


def _print_table(outcomes: Sequence[_Outcome]) -> None:
    width = max((len(outcome.mutant.name) for outcome in outcomes), default=0)
    for outcome in outcomes:
        print(f"{outcome.mutant.name:{width}}  {outcome.verdict:14}  {outcome.detail}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
