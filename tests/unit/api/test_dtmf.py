import pytest

from rtcpeer import InvalidStateError
from rtcpeer.api.dtmf import RTCDTMFSender


class Core:
    can_send_tones = True
    tones = "12"

    def __init__(self):
        self.sent = []

    def send_tones(self, *given):
        self.sent.append(given)


class Link:
    woken = 0

    def wake(self):
        self.woken += 1


def made():
    core, link = Core(), Link()
    return RTCDTMFSender(link, core), core, link


def test_tones_are_given_in_seconds_and_capitals():
    sender, core, link = made()
    sender.insertDTMF("1a#,")
    assert core.sent == [("1A#,", 0.1, 0.07)]
    assert link.woken == 1
    assert sender.toneBuffer == "12"
    assert sender.canInsertDTMF


def test_durations_are_held_within_their_bounds():
    sender, core, _ = made()
    sender.insertDTMF("1", 1, 1)
    sender.insertDTMF("1", 9999, 9999)
    assert core.sent == [("1", 0.04, 0.03), ("1", 6.0, 6.0)]


def test_what_is_no_tone():
    sender, core, _ = made()
    with pytest.raises(ValueError, match="'!E'"):
        sender.insertDTMF("1e!")
    assert core.sent == []


def test_where_the_peer_takes_none():
    sender, core, _ = made()
    core.can_send_tones = False
    with pytest.raises(InvalidStateError):
        sender.insertDTMF("1")
