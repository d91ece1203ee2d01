"""The descriptions of foreign peers."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "data" / "sdp"
NAMES = sorted(path.stem for path in FOLDER.glob("*.sdp"))


def read(name: str) -> str:
    return (FOLDER / f"{name}.sdp").read_text()
