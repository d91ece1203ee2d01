"""Every `# Deviation:` in the code has a row in docs/deviations.md, which ends with a test that exists."""

import ast
from collections import Counter
from pathlib import Path

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "deviations.md"


def deviating_modules():
    """Modules with the number of their deviations."""
    counts = {
        path.relative_to(ROOT).as_posix(): path.read_text().count("# Deviation:")
        for path in (ROOT / "rtcpeer").rglob("*.py")
    }
    return {name: count for name, count in counts.items() if count}


def rows():
    """The cells of each row of the tables."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


def names_in(path):
    """As pytest names them, behind the path."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}::{member.name}" for member in node.body if isinstance(member, FUNCTIONS))
        elif isinstance(node, FUNCTIONS):
            yield node.name


def test_each_deviation_has_its_row():
    assert Counter(row[0] for row in rows()) == deviating_modules()


def test_each_row_ends_with_a_test_that_exists():
    missing = []
    for row in rows():
        path, _, name = row[-1].partition("::")
        if len(row) != 5 or not (ROOT / path).exists() or name not in names_in(ROOT / path):
            missing.append(row)
    assert missing == []
