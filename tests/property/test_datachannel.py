"""Round trips, and "never raises" for whatever a peer may send on any stream."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.datachannel.channels import ChannelState
from rtcpeer.datachannel.dcep import OpenMessage, Ppid, usv_string
from rtcpeer.errors import MalformedPacketError
from tests.unit.datachannel.peers import Rogue, announced, messages

names = st.text(max_size=40)
limits = st.integers(0, 0xFFFFFFFF)
open_messages = st.builds(
    OpenMessage, names, names, st.booleans(), priority=st.integers(0, 0xFFFF), max_retransmits=limits | st.none()
) | st.builds(OpenMessage, names, names, st.booleans(), max_packet_life_time_ms=limits | st.none())


@given(open_messages)
@settings(max_examples=200)
def test_open_round_trip(message: OpenMessage) -> None:
    assert OpenMessage.parse(message.serialize()) == message


@given(open_messages)
@settings(max_examples=50)
def test_every_truncation_of_an_open_is_malformed(message: OpenMessage) -> None:
    data = message.serialize()
    for length in range(len(data)):
        try:
            OpenMessage.parse(data[:length])
        except MalformedPacketError:
            continue
        raise AssertionError(f"{length} of {len(data)} bytes were taken for a whole message")


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: b"\x03" + rest))
@settings(max_examples=200)
def test_an_open_from_any_bytes_is_read_or_malformed(data: bytes) -> None:
    try:
        message = OpenMessage.parse(data)
    except MalformedPacketError:
        return
    assert OpenMessage.parse(message.serialize()) == message


@given(st.text(st.characters(categories=["L", "Cs"]), max_size=20))
@settings(max_examples=200)
def test_every_string_can_be_sent(text: str) -> None:
    assert usv_string(text).encode().decode() == usv_string(text)


anything = st.tuples(
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from([0, 50, 50, 50, 51, 52, 53, 54, 55, 56, 57]),
    st.binary(min_size=1, max_size=20) | open_messages.map(OpenMessage.serialize) | st.just(b"\x02"),
)


@given(st.lists(anything | st.sampled_from([0, 1, 2, 3]), max_size=25))
@settings(max_examples=60)
def test_no_peer_can_break_the_channels(script: list[tuple[int, int, bytes] | int]) -> None:
    rogue = Rogue()
    ours = rogue.server.open("ours")
    for step in script:
        if isinstance(step, int):
            rogue.rogue.reset_streams([step])
        else:
            rogue.rogue.send(*step)
        rogue.run_for(0.05)
    rogue.run_for(5.0)
    # A stream that none of this touched works as if nothing had been.
    rogue.say(8, Ppid.DCEP, OpenMessage("bystander").serialize())
    rogue.say(8, Ppid.STRING, b"hello")
    assert messages(rogue.b, announced(rogue.b)[8]) == ["hello"]
    assert ours.state in {ChannelState.OPEN, ChannelState.CLOSING, ChannelState.CLOSED}
