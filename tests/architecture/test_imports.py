"""Sans-I/O packages import no clock, socket, task or randomness, whatever the linter's graph says."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "rtcpeer"
CORES = ("stun", "payload", "ice", "turn", "dtls", "sctp", "datachannel", "srtp", "rtp", "sdp", "jsep", "stack",
         "core.py", "wire.py", "errors.py")  # fmt: skip
FORBIDDEN = {"asyncio", "socket", "time", "threading", "random", "secrets", "selectors", "ssl", "concurrent", "select"}
MODULES = sorted(
    path for core in CORES for path in ([ROOT / core] if core.endswith(".py") else (ROOT / core).rglob("*.py"))
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_cores_import_no_io(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported.add(node.module.partition(".")[0])
    assert not imported & FORBIDDEN


@pytest.mark.parametrize(("library", "package"), [("OpenSSL", "dtls"), ("pylibsrtp", "srtp")])
def test_a_library_has_one_importer(library, package):
    users = {path.relative_to(ROOT).parts[0] for path in ROOT.rglob("*.py") if f"from {library}" in path.read_text()}
    assert users == {package}
