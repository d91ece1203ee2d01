"""What the documents say is there: links lead somewhere, every setting has its row, and the guide's Python runs."""

import ast
import asyncio
import dataclasses
import inspect
import re
import string
from pathlib import Path

import pytest

from rtcpeer import IceSettings, RTCConfiguration, RTCIceServer, RTCPeerConnection, Settings, TurnSettings
from rtcpeer.aio import ice_agent, mux
from tests.sim.peers import World, connected, exchange, simulated

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT) for pattern in ("*.md", "docs/**/*.md", "examples/*/*.md") for path in ROOT.glob(pattern)
)
GUIDE = ROOT / "docs" / "ice.md"
NOT_ABOUT_ICE = {"ice", "dtls", "sctp", "turn", "media", "codecs", "srtp", "capabilities"}  # of Settings: the parts


def prose(path: Path) -> str:
    return re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """As GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    kept = string.ascii_lowercase + string.digits + "-_ "
    return {"".join(c for c in title.lower() if c in kept).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document):
    for link in re.findall(r"\]\((?!\w+:)([^)]+)\)", prose(ROOT / document)):
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_lists_every_document_and_example():
    text = (ROOT / "README.md").read_text()
    there = {path.relative_to(ROOT) for path in (*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*_*/"))}
    assert [str(path) for path in sorted(there) if f"]({path})" not in text] == []


def test_decisions_have_numbers_of_their_own():
    paths = sorted(ROOT.glob("docs/adr/*.md"))
    numbers = [int(path.name[:4]) for path in paths]
    assert numbers == list(range(1, len(paths) + 1))
    for number, path in zip(numbers, paths, strict=True):
        assert path.read_text().startswith(f"# {number}. "), path.name


# The table of settings


def rows(*, of, guide=GUIDE):
    """Setting and default of each row below the heading with these names."""
    (section,) = re.findall(rf"^### {of}\n(.*?)(?=^#|\Z)", guide.read_text(), re.MULTILINE | re.DOTALL)
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert {len(row) for row in cells} == {6}
    return [(row[0].strip("`"), row[1].strip("`")) for row in cells]


def fields(*owners):
    return [field for owner in owners for field in dataclasses.fields(owner) if field.name not in NOT_ABOUT_ICE]


@pytest.mark.parametrize(
    ("heading", "owners"),
    [
        ("RTCConfiguration, RTCIceServer", (RTCConfiguration, RTCIceServer)),
        ("Settings", (Settings,)),
        ("IceSettings", (IceSettings,)),
        ("TurnSettings", (TurnSettings,)),
    ],
)
def test_every_setting_stands_in_the_table_with_its_default(heading, owners):
    documented = rows(of=heading)
    assert [name for name, _ in documented] == [field.name for field in fields(*owners)]
    for (name, default), field in zip(documented, fields(*owners), strict=True):
        if field.default is dataclasses.MISSING:
            assert default == "required", name
        else:
            value = ast.literal_eval(default)
            assert (type(value), value) == (type(field.default), field.default), name


# The guide's Python


@pytest.fixture
def snippets():
    found = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found


def test_the_guides_python_runs(snippets, monkeypatch):
    """One block after the other, as in a notebook: in virtual time, on a network of its own."""

    @simulated
    async def run_all():
        world = World(has_tcp=True)
        world.stun_server()
        for module in (ice_agent, mux):
            monkeypatch.setattr(module, "SystemNetwork", world.host)
        opened, signalled = [], []
        a, b = world.pair()
        a.createDataChannel("x")
        await exchange(a, b)
        await connected(a, b)
        names = {"send_to_peer": signalled.append}
        for snippet in snippets:
            if re.search(r"getStats|\.sctp", snippet):
                names["pc"] = a  # one that is connected
            code = compile(snippet, str(GUIDE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            waiting = eval(code, names)
            if inspect.isawaitable(waiting):
                await waiting
            opened += [one for one in names.values() if isinstance(one, RTCPeerConnection) and one not in opened]
        assert signalled[-1] is None
        await asyncio.gather(*(one.close() for one in opened))
        await world.close()

    run_all()
