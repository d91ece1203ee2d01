import pytest

from rtcpeer.datachannel.dcep import ACK, OpenMessage, Ppid, usv_string
from rtcpeer.errors import MalformedPacketError

# message type, channel type, priority, reliability parameter, label length, protocol length, label, protocol
TIMED_UNORDERED = bytes.fromhex("03 82 0100 000005dc 0004 0003") + b"chat" + b"irc"


def test_open_has_the_layout_of_the_rfc() -> None:
    message = OpenMessage("chat", "irc", ordered=False, max_packet_life_time_ms=1500)
    assert message.serialize() == TIMED_UNORDERED
    assert OpenMessage.parse(TIMED_UNORDERED) == message


@pytest.mark.parametrize(
    ("channel_type", "message"),
    [
        (0x00, OpenMessage("x")),
        (0x80, OpenMessage("x", ordered=False)),
        (0x01, OpenMessage("x", max_retransmits=7)),
        (0x81, OpenMessage("x", ordered=False, max_retransmits=7)),
        (0x02, OpenMessage("x", max_packet_life_time_ms=7)),
        (0x82, OpenMessage("x", ordered=False, max_packet_life_time_ms=7)),
    ],
)
def test_every_channel_type(channel_type: int, message: OpenMessage) -> None:
    data = message.serialize()
    assert data[1] == channel_type
    assert OpenMessage.parse(data) == message


def test_the_reliability_of_a_reliable_channel_is_ignored() -> None:
    assert OpenMessage.parse(bytes.fromhex("03 00 0100 00000007 0001 0000") + b"x") == OpenMessage("x")


@pytest.mark.parametrize("channel_type", [0x03, 0x7F, 0x83, 0xFF])
def test_unassigned_channel_types_are_malformed(channel_type: int) -> None:
    data = bytes([3, channel_type]) + TIMED_UNORDERED[2:]
    with pytest.raises(MalformedPacketError, match="channel type"):
        OpenMessage.parse(data)


def test_truncation_at_every_prefix_is_malformed() -> None:
    for length in range(len(TIMED_UNORDERED)):
        with pytest.raises(MalformedPacketError):
            OpenMessage.parse(TIMED_UNORDERED[:length])


@pytest.mark.parametrize("data", [b"\x02" + TIMED_UNORDERED[1:], TIMED_UNORDERED[:12] + b"\xff\xfe\xff\xffirc"])
def test_another_type_and_bytes_that_are_no_utf8_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedPacketError):
        OpenMessage.parse(data)


def test_what_follows_the_protocol_is_ignored() -> None:
    assert OpenMessage.parse(TIMED_UNORDERED + b"more").protocol == "irc"


def test_ack_is_its_type() -> None:
    assert bytes.fromhex("02") == ACK


def test_the_payload_protocol_identifiers_are_those_of_the_registry() -> None:
    assert [int(ppid) for ppid in Ppid] == [50, 51, 52, 53, 54, 56, 57]


def test_lone_surrogates_become_replacement_characters() -> None:
    assert usv_string("a\ud800b\udc00") == "a\ufffdb\ufffd"
    assert usv_string("\ud83d\ude00") == "\U0001f600"


@pytest.mark.parametrize(
    "message",
    [
        OpenMessage("x" * 65536),
        OpenMessage("x", "\u20ac" * 21846),
        OpenMessage("x", max_retransmits=1, max_packet_life_time_ms=1),
        OpenMessage("x", max_retransmits=-1),
        OpenMessage("x", max_packet_life_time_ms=1 << 32),
        OpenMessage("x", priority=65536),
    ],
)
def test_what_can_not_be_sent_is_a_type_error(message: OpenMessage) -> None:
    with pytest.raises(TypeError):
        message.check()
    OpenMessage("x" * 65535, "\u20ac" * 21845, max_retransmits=0).check()
