"""The shape of the code: sizes, docstrings, where everything is caught, and tests that mirror the packages.

The direction of imports is held by `make lint`.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[1]
ROOMS = ("daemon", "dicom_io", "models", "sr_templates")
MIGRATIONS = Path("daemon/store/migrations/versions")

MOST_LINES = 250
LONGER_MODULES = {
    "daemon/config/sections.py": "every section of the configuration, in one place",
}

MOST_STATEMENT_LINES = 50
LONGER_FUNCTIONS = {
    "dicom_io/reading/instance.py::_header": "a field on each line",
}

# Where every exception is caught, and how often. Each place says beside it why.
CATCH_ALL = {
    "daemon/stages/sender.py": 1,  # the outermost loop of a thread
    "dicom_io/decoding/codecs.py": 2,  # decoders raise errors of their own
    "dicom_io/decoding/process.py": 1,  # the edge of a process
    "dicom_io/decoding/stored_values.py": 1,  # broken fragments end in errors of many kinds
    "dicom_io/network/connection.py": 1,  # the outermost call of a thread
    "dicom_io/network/filing.py": 1,  # hostile bytes
    "dicom_io/network/scu.py": 1,  # raised again, after the association is aborted
    "dicom_io/network/store_scp.py": 1,  # the edge of a process
    "models/training/checkpoint.py": 1,  # a damaged file makes its readers raise anything
}

# Tests of no module: whole ways, the build, and mutants.
OTHER_TESTS = ("browser", "ci", "flow", "mutants")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def parsed(folder: str) -> dict[str, ast.Module]:
    """Every module below a folder, by its path."""
    files = sorted((TREE / folder).rglob("*.py"))
    return {str(file.relative_to(TREE)): ast.parse(file.read_text(encoding="utf-8")) for file in files}


@pytest.fixture(scope="module")
def modules() -> dict[str, ast.Module]:
    """Every module of the product but the migrations: those that are released stay as they are."""
    found = {path: module for room in ROOMS for path, module in parsed(room).items()}
    return {path: module for path, module in found.items() if MIGRATIONS not in Path(path).parents}


def functions(module: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(module) if isinstance(node, Function))


def length(function: Function) -> int:
    """Count the lines of a function from its first statement to its last; its docstring is none."""
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    if not statements:
        return 0
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1


def undocumented(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    """Yield the public functions and classes of a body, and of its public classes, without a docstring."""
    for node in body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        if ast.get_docstring(node) is None:
            yield f"{prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node.body, f"{prefix}{node.name}.")


def catches_everything(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    )


def test_a_module_fits_on_a_few_screens(modules):
    lines = {path: len((TREE / path).read_text(encoding="utf-8").splitlines()) for path in modules}
    assert {path for path, count in lines.items() if count > MOST_LINES} == LONGER_MODULES.keys()


def test_a_function_fits_on_a_screen(modules):
    found = {
        f"{path}::{function.name}"
        for path, module in modules.items()
        for function in functions(module)
        if length(function) > MOST_STATEMENT_LINES
    }
    assert found == LONGER_FUNCTIONS.keys()


def test_every_module_says_what_it_is(modules):
    assert [path for path, module in modules.items() if ast.get_docstring(module) is None] == []


def test_what_is_public_has_a_docstring(modules):
    found = [name for path, module in modules.items() for name in undocumented(module.body, f"{path}::")]
    assert found == []


def test_everything_is_caught_in_few_places(modules):
    found = Counter(
        path
        for path, module in modules.items()
        for node in ast.walk(module)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    )
    assert found == CATCH_ALL


def test_every_folder_with_modules_is_a_package_and_says_what_it_is(modules):
    folders = {str(Path(path).parent) for path in modules} - {str(MIGRATIONS.parent)}
    assert {folder for folder in folders if f"{folder}/__init__.py" not in modules} == set()


def test_the_folders_of_the_tests_are_those_of_the_packages(modules):
    folders = {Path(path).parent.relative_to("tests") for path in parsed("tests")} - {Path(".")}
    ours = {folder for folder in folders if folder.parts[0] not in OTHER_TESTS}
    assert {str(folder) for folder in ours} - {str(Path(path).parent) for path in modules} == set()


def test_a_test_module_is_named_like_what_it_tests_or_says_what_it_holds(modules):
    unnamed = []
    for path, module in parsed("tests").items():
        place = Path(path).relative_to("tests")
        if not place.name.startswith("test_") or place.parts[0] in OTHER_TESTS:
            continue
        tested = str(place.with_name(place.name.removeprefix("test_")))
        if tested not in modules and ast.get_docstring(module) is None:
            unnamed.append(path)
    assert unnamed == []
