"""What needs no socket; sockets, and aiortc at the other end: tests/interop/test_aiortc_examples.py."""

import argparse
import asyncio
import json
import os
import sys

import pytest

from rtcpeer import RTCIceCandidate, RTCSessionDescription
from rtcpeer.signaling import direct
from rtcpeer.signaling.direct import (
    BYE,
    BaseSignaling,
    CopyAndPasteSignaling,
    TcpSocketSignaling,
    UnixSocketSignaling,
    object_from_string,
    object_to_string,
)

LINE = "candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host"
OFFER = RTCSessionDescription(sdp="v=0\r\n", type="offer")


class TestObjects:
    @pytest.mark.parametrize("kind", ["offer", "pranswer", "answer", "rollback"])
    def test_descriptions(self, kind):
        description = RTCSessionDescription(sdp="v=0\r\n", type=kind)
        assert json.loads(object_to_string(description)) == {"sdp": "v=0\r\n", "type": kind}
        assert object_from_string(object_to_string(description)) == description

    def test_candidates(self):
        text = object_to_string(RTCIceCandidate(LINE, "0", 0))
        assert json.loads(text) == {"candidate": LINE, "id": "0", "label": 0, "type": "candidate"}
        candidate = object_from_string(text)
        assert (candidate.candidate, candidate.sdpMid, candidate.sdpMLineIndex) == (LINE, "0", 0)

    def test_the_farewell(self):
        assert object_to_string(BYE) == '{"type": "bye"}'
        assert object_from_string('{"type": "bye"}') is BYE
        assert repr(BYE) == "BYE"

    @pytest.mark.parametrize(
        "text",
        ["", "nothing", "7", "[]", "{}", '{"type": "hello"}', '{"type": "offer"}', '{"type": "offer", "sdp": 7}',
         '{"type": "candidate"}', '{"type": "candidate", "candidate": "candidate:nonsense"}'],
    )  # fmt: skip
    def test_anything_else_is_an_error(self, text):
        with pytest.raises(ValueError):  # noqa: PT011 whichever line it is
            object_from_string(text)


class TestArguments:
    def make(self, *arguments):
        parser = argparse.ArgumentParser()
        direct.add_signaling_arguments(parser)
        return direct.create_signaling(parser.parse_args(arguments))

    def test_the_ways(self):
        assert type(self.make()) is CopyAndPasteSignaling
        assert type(self.make("-s", "copy-and-paste")) is CopyAndPasteSignaling
        assert type(self.make("--signaling", "tcp-socket", "--signaling-port", "9")) is TcpSocketSignaling
        assert type(self.make("-s", "unix-socket", "--signaling-path", "x")) is UnixSocketSignaling

    async def test_the_base_does_nothing(self):
        base = BaseSignaling()
        await base.connect()
        await base.close()
        for call in (base.send(BYE), base.receive()):
            with pytest.raises(NotImplementedError):
                await call


class TestCopyAndPaste:
    @pytest.fixture
    def keyboard(self, monkeypatch):
        """The writing end of standard input."""
        reading, writing = os.pipe()
        with os.fdopen(reading) as stdin, os.fdopen(writing, "wb", 0) as keyboard:
            monkeypatch.setattr(sys, "stdin", stdin)
            yield keyboard
            keyboard.close()

    async def test_messages_are_printed_and_read(self, keyboard, capsys):
        signaling = CopyAndPasteSignaling()
        await signaling.connect()
        await signaling.connect()
        await signaling.send(OFFER)
        assert object_to_string(OFFER) in capsys.readouterr().out.splitlines()
        keyboard.write(object_to_string(OFFER).encode() + b"\n\n" + object_to_string(BYE).encode() + b"\n")
        assert await signaling.receive() == OFFER
        assert await signaling.receive() is BYE
        await signaling.close()
        await signaling.close()
        assert capsys.readouterr().out.count(object_to_string(BYE)) == 1

    async def test_what_is_not_understood_is_asked_for_again(self, keyboard, capsys):
        signaling = CopyAndPasteSignaling()
        keyboard.write(b'{"type": "of\n' + object_to_string(OFFER).encode())
        keyboard.close()
        assert await signaling.receive() == OFFER  # though its line has no end
        assert "Once more" in capsys.readouterr().out

    async def test_the_end_of_the_input_is_the_farewell(self, keyboard):
        signaling = CopyAndPasteSignaling()
        waiting = asyncio.ensure_future(signaling.receive())
        await asyncio.sleep(0)
        keyboard.close()
        assert await waiting is BYE
        assert await signaling.receive() is BYE
