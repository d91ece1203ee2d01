"""Arguments in, exit status out; what the commands do is tested beside."""

import json
import sys
from types import SimpleNamespace

import pytest

import rtcpeer
from rtcpeer.cli import main
from rtcpeer.cli.doctor import Doctor
from rtcpeer.cli.gather import Summary
from rtcpeer.cli.report import Finding, Report, Status

command_line = sys.modules["rtcpeer.cli.main"]
BAD = Finding("x", Status.PROBLEM, "title", "meaning", "advice")


@pytest.fixture
def examined(monkeypatch):
    """What the doctor was asked for; `result` is what it says."""

    examined = SimpleNamespace(doctors=[], result=Report("1", (), None, (), (), 0.5))

    async def examine(self):
        examined.doctors.append(self)
        if isinstance(examined.result, BaseException):
            raise examined.result
        return examined.result

    monkeypatch.setattr(Doctor, "examine", examine)
    monkeypatch.delenv("RTCPEER_USERNAME", raising=False)
    monkeypatch.delenv("RTCPEER_CREDENTIAL", raising=False)
    return examined


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"rtcpeer {rtcpeer.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["doctor"], ["gather"]], ids=str)
def test_help_has_examples(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    assert "examples:\n  rtcpeer " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "COMMAND"),
        (["cure"], "cure"),
        (["doctor", "--server", "example.org"], "not the URL of an ICE server"),
        (["doctor", "--server", "turn:example.org"], "needs a username"),
        (["doctor", "--timeout", "0"], "more than 0"),
        (["doctor", "--timeout", "nan"], "more than 0"),
        (["doctor", "--timeout", "soon"], "--timeout"),
        (["doctor", "--ca-file", "/nowhere.pem"], "/nowhere.pem"),
        (["gather", "--policy", "some"], "--policy"),
    ],
    ids=str,
)
def test_wrong_usage(arguments, complaint, capsys, examined):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err
    assert examined.doctors == []


@pytest.mark.parametrize(("findings", "status"), [((), 0), ((BAD,), 1)])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_exit_status(findings, status, form, capsys, examined):
    examined.result = Report("1", (), None, (), findings, 0.5)
    assert main(["doctor", *form]) == status
    output = capsys.readouterr().out
    if form:
        assert json.loads(output) == examined.result.to_json()
    else:
        assert "(0.5 s)" in output


def test_servers_and_credentials(examined):
    urls = ["stun:a.example.org", "turn:b.example.org?transport=tcp", "stun:a.example.org"]
    arguments = [part for url in urls for part in ("--server", url)]
    main(["doctor", *arguments, "--username", "ada", "--credential", "lovelace", "--timeout", "2"])
    (doctor,) = examined.doctors
    assert [server.url for server in doctor.facts.servers] == urls[:2]
    credentials = doctor.facts.servers[1].credentials
    assert (credentials.username, credentials.password) == ("ada", "lovelace")


def test_credentials_from_the_environment(examined, monkeypatch):
    monkeypatch.setenv("RTCPEER_USERNAME", "ada")
    monkeypatch.setenv("RTCPEER_CREDENTIAL", "lovelace")
    assert main(["doctor", "--server", "turn:b.example.org"]) == 0
    assert examined.doctors[0].facts.servers[0].credentials.password == "lovelace"


def test_interrupted(examined, capsys):
    examined.result = KeyboardInterrupt()
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(("summary", "status"), [(Summary(0.1, {"host": 1}, 0), 0), (Summary(0.1, {}, 0), 1)])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_gathering(summary, status, form, monkeypatch):
    asked = []

    async def gather(what, network, view):
        asked.append(what)
        return summary

    monkeypatch.setattr(command_line, "gather", gather)
    assert main(["gather", "--policy", "relay", "--timeout", "3", *form]) == status
    assert (asked[0].policy, asked[0].timeout, list(asked[0].servers)) == ("relay", 3.0, [])
