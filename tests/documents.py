"""The documents as tests read them, and the parsers of the commands that they name."""

import argparse
import importlib
import re
import subprocess
from pathlib import Path

from daemon import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def section(page: str, heading: str) -> str:
    """Return what stands below a heading of the second level."""
    return re.split(rf"^## {re.escape(heading)}$", page, flags=re.MULTILINE)[1].split("\n## ")[0]


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """Return the rows of a section's tables: the code in the first cell, and the other cells."""
    lines = [line for line in section(page, heading).splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert len({first for first, *_ in cells}) == len(cells)
    return {re.findall("`([^`]+)`", first)[0]: others for first, *others in cells}


def blocks(language: str) -> list[tuple[str, str]]:
    """Return the blocks of code in a language: the name of their page, and their text."""
    pattern = re.compile(rf"^```{language}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return [(page.name, block) for page in PAGES for block in pattern.findall(page.read_text())]


def written_by_the_readme(folder: Path) -> Path:
    """Let a shell write the configuration as the README says, into an empty folder; return its path."""
    (snippet,) = [block for page, block in blocks("sh") if page == "README.md" and "<<'END'" in block]
    (writing,) = re.findall(r"^cat > .*?^END$", snippet, re.DOTALL | re.MULTILINE)
    subprocess.run(["sh", "-ec", writing], cwd=folder, check=True)
    (path,) = folder.iterdir()
    for call in re.findall("^.venv/bin/ulna (.*?) *#", snippet, re.MULTILINE):
        assert call in (f"check --config {path.name}", f"serve --config {path.name}")
    return path


def _parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, and of each action of `ulna bundle`, by its words."""
    _, commands = cli._parser()
    found: dict[str, argparse.ArgumentParser] = {}
    for name, parser in commands.choices.items():
        importlib.import_module(f"daemon.commands.{name}").configure(parser)
        of_actions = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
        if not of_actions:
            found[f"ulna {name}"] = parser
        for each in of_actions:
            found |= {f"ulna {name} {action}": own for action, own in each.choices.items()}
    return found


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {name for action in parser._actions for name in action.option_strings} - {"-h", "--help"}


PARSERS = _parsers()
