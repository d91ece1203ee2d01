"""The command line as its users have it: at every kind of site, with coturn, in a terminal and in a pipe."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import natlab
from tests.interop.conftest import require_lab
from tests.interop.coturn import Coturn, coturn
from tests.interop.natlab import NatLab, Site, SiteKind, nat_lab, public_server
from tests.interop.private_network import IPV4

pytestmark = pytest.mark.interop

ROOT = Path(__file__).resolve().parents[2]
RTCPEER = [sys.executable, "-m", "rtcpeer"]

# What the doctor is to say: the kind of NAT, whether there is another one, and whether anything is wrong.
EXPECTED: dict[SiteKind, tuple[str, bool | None, list[str]]] = {
    natlab.OPEN: ("open", None, []),
    natlab.FULL_CONE: ("full-cone", False, []),
    natlab.ADDRESS_RESTRICTED: ("address-restricted", False, []),
    natlab.PORT_RESTRICTED: ("port-restricted", False, []),
    natlab.SYMMETRIC: ("symmetric", False, ["nat-symmetric"]),
    natlab.DOUBLE_NAT: ("port-restricted", True, []),
    natlab.UDP_BLOCKED: ("udp-blocked", False, ["udp-blocked"]),
    natlab.IPV6_ONLY: ("open", None, []),
    natlab.DUAL_STACK: ("open", None, []),
    natlab.DEAD_IPV6: ("open", None, ["ipv6-dead"]),
}


@pytest.fixture(scope="module")
def lab() -> Iterator[NatLab]:
    require_lab("nft", "turnserver")
    with nat_lab(list(EXPECTED)) as built, public_server(built):
        yield built


@pytest.fixture(scope="module")
def server() -> Iterator[Coturn]:
    with coturn() as running:
        yield running


def doctor(*arguments: str, **environment: str) -> tuple[int, dict]:
    """Exit status and report."""
    result = subprocess.run(
        [*RTCPEER, "doctor", "--json", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        env=os.environ | environment,
        check=False,
    )
    assert result.stderr == ""
    return result.returncode, json.loads(result.stdout)


def checks_of(report: dict, kind: str) -> list[dict]:
    return [check for check in report["checks"] if check["kind"] == kind]


def at_site(lab: NatLab, site: Site) -> tuple[int, dict]:
    username, credential = natlab.TURN_USER
    servers = [part for url in (*lab.stun_urls, *lab.turn_urls) for part in ("--server", url)]
    arguments = [*servers, "--username", username, "--credential", credential]
    process = site.host.popen(*RTCPEER, "doctor", "--json", *arguments)
    output, errors = process.communicate(timeout=90)
    assert errors == ""
    return process.returncode, json.loads(output)


@pytest.mark.slow
@pytest.mark.parametrize("kind", EXPECTED, ids=lambda kind: kind.name)
def test_names_what_is_in_front_of_each_site(lab: NatLab, kind: SiteKind) -> None:
    site = next(site for site in lab.sites if site.kind is kind)
    status, report = at_site(lab, site)
    expected, is_double, findings = EXPECTED[kind]
    assert report["nat"] == expected, report
    assert [finding["name"] for finding in report["findings"]] == findings
    assert status == (1 if expected == "udp-blocked" else 0)
    nat = checks_of(report, "nat")[0]["details"]
    if kind.has_ipv4:
        assert nat["double_nat"] is is_double
    if kind.nats and expected != "udp-blocked":
        assert nat["mapping"] == kind.nats[0].mapping.name.lower().replace("_", "-")
        assert nat["filtering"] == kind.nats[0].filtering.name.lower().replace("_", "-")
        assert nat["mapped"][0].startswith(f"{site.public_ipv4}:")
    relays = {check["subject"]: check for check in checks_of(report, "turn")}
    for url in lab.turn_urls:
        is_ipv6, is_tcp = "[" in url, url.endswith("tcp")
        has_family = kind.ipv6 is not natlab.Ipv6.NONE if is_ipv6 else kind.has_ipv4
        is_dead = (is_ipv6 and kind.ipv6 is natlab.Ipv6.DEAD) or (expected == "udp-blocked" and not is_tcp)
        check = relays[url]
        assert check["status"] == ("skipped" if not has_family else "problem" if is_dead else "ok"), check
        if check["status"] == "ok":
            assert check["details"]["relayed"]["received"] == check["details"]["relayed"]["sent"]


def test_relays_over_every_transport(server: Coturn) -> None:
    urls = [
        f"turn:{IPV4}:{server.port}?transport=udp",
        f"turn:{IPV4}:{server.port}?transport=tcp",
        f"turns:{IPV4}:{server.tls_port}?transport=tcp",
    ]
    arguments = [part for url in urls for part in ("--server", url)]
    settings = server.settings
    status, report = doctor(
        *arguments,
        "--ca-file",
        str(server.certificate),
        RTCPEER_USERNAME=settings.username,
        RTCPEER_CREDENTIAL=settings.password,
    )
    turns = checks_of(report, "turn")
    assert [(check["subject"], check["details"]["protocol"]) for check in turns] == list(
        zip(urls, ("udp", "tcp", "tls"), strict=True)
    )
    assert [check["status"] for check in turns] == ["ok"] * 3, turns
    assert status == 0
    # This server has but one address to answer from.
    (nat,) = checks_of(report, "nat")
    assert nat["details"]["kind"] == "open"
    assert nat["details"]["filtering"] is None


def test_wrong_password_and_an_unknown_authority(server: Coturn) -> None:
    url, tls_url = f"turn:{IPV4}:{server.port}", f"turns:{IPV4}:{server.tls_port}"
    status, report = doctor(
        "--server", url, "--server", tls_url, "--username", server.settings.username, "--credential", "wrong"
    )
    assert status == 1
    refused, untrusted = checks_of(report, "turn")
    assert refused["details"]["error"]["code"] == 401
    assert "certificate" in untrusted["details"]["error"]["text"]
    assert [finding["name"] for finding in report["findings"]] == ["relay-refused"] * 2


def test_without_a_server() -> None:
    status, report = doctor()
    assert status == 0
    assert report["servers"] == []
    (mdns,) = checks_of(report, "mdns")
    assert mdns["status"] == "ok", mdns


def test_gathers_from_coturn(server: Coturn) -> None:
    arguments = ["--server", f"turn:{IPV4}:{server.port}", "--username", "ada", "--credential", "lovelace"]
    result = subprocess.run(
        [*RTCPEER, "gather", *arguments, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.returncode, result.stderr) == (0, "")
    assert {line["type"] for line in lines[:-1]} >= {"host", "relay"}
    assert lines[-1]["event"] == "end"


@pytest.mark.parametrize("command", [["gather"], ["gather", "--json"], ["doctor"], ["doctor", "--json"]], ids=" ".join)
def test_a_reader_that_has_seen_enough(command: list[str]) -> None:
    process = subprocess.Popen([*RTCPEER, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


def test_interrupted_in_a_terminal() -> None:
    """The terminal is left as it was found, and there is no traceback."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        silent = f"stun:{IPV4}:9"
        os.execv(sys.executable, [*RTCPEER, "doctor", "--server", silent, "--timeout", "60"])
    try:
        output = _read_until(terminal, b"testing UDP")
        os.kill(pid, signal.SIGINT)
        output += _read_until(terminal, b"interrupted")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert b"Traceback" not in output
    assert output.count(b"\x1b[?25l") == output.count(b"\x1b[?25h") == 1


def _read_until(terminal: int, wanted: bytes) -> bytes:
    output = b""
    deadline = time.monotonic() + 60
    while wanted not in output:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, output
        output += os.read(terminal, 4096)
    return output
