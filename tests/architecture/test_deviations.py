"""Every `# Deviation:` in the code stands in docs/deviations.md, with a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "deviations.md"


def deviating_modules():
    """Modules with the number of their deviations."""
    counts = {
        path.relative_to(ROOT).as_posix(): path.read_text().count("# Deviation:")
        for path in (ROOT / "rtcpeer").rglob("*.py")
    }
    return {name: count for name, count in counts.items() if count}


def test_each_deviation_is_listed():
    text = DOCUMENT.read_text()
    missing = [
        f"{name} has {count} deviations, docs/deviations.md names it {text.count(name)} times"
        for name, count in sorted(deviating_modules().items())
        if text.count(name) < count
    ]
    assert not missing, "\n".join(missing)


def test_each_listed_test_exists():
    text = DOCUMENT.read_text()
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(?:\w+::)*(\w+))?", text)
    assert named
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).exists() or (test and f"def {test}" not in (ROOT / path).read_text())
    ]
    assert missing == []
