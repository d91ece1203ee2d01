"""A peer may reset all of its streams at once by naming none (RFC 6525 section 4.1)."""

from struct import pack

from rtcpeer.datachannel.channels import ChannelState
from rtcpeer.datachannel.dcep import OpenMessage, Ppid
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.events import IncomingStreamsReset
from rtcpeer.sctp.parameters import ParameterType, pack_parameter
from tests.unit.datachannel.peers import Rogue, announced
from tests.unit.sctp.lossy_pipe import LossyPipe


def reset_of_all(pipe_end: object, last_tsn: int, number: int) -> bytes:
    link = pipe_end._endpoint.link  # type: ignore[attr-defined]
    request = pack_parameter(ParameterType.OUTGOING_RESET_REQUEST, pack(">III", number, 0, last_tsn & 0xFFFFFFFF))
    packet: bytes = link.envelope.seal(pack_chunk(ChunkType.RECONFIG, request))
    return packet


def test_sequence_numbers_of_all_streams_begin_again() -> None:
    pipe = LossyPipe().established()
    for stream_id in (1, 2, 3):
        pipe.left.send(stream_id, 51, b"x")
    assert pipe.run(lambda: len(pipe.messages(1)) == 3)
    link = pipe.right._endpoint.link
    assert link is not None
    assert link.receiver.reassembly.next_ssn == {1: 1, 2: 1, 3: 1}
    last, number = link.receiver.tracker.next - 1, link.terms.peer_initial_tsn
    pipe.right.receive(reset_of_all(pipe.left, last, number), pipe.now)
    pipe.flush()
    assert link.receiver.reassembly.next_ssn == {}
    assert pipe.of_type(1, IncomingStreamsReset) == [IncomingStreamsReset(())]


def test_every_channel_of_the_peer_closes() -> None:
    rogue = Rogue()
    for stream_id in (2, 4):
        rogue.say(stream_id, Ppid.DCEP, OpenMessage("x").serialize())
    channels = list(announced(rogue.b).values())
    assert [channel.state for channel in channels] == [ChannelState.OPEN] * 2
    link = rogue.server.association._endpoint.link
    assert link is not None
    last, number = link.receiver.tracker.next - 1, link.terms.peer_initial_tsn
    rogue.server.receive(reset_of_all(rogue.rogue, last, number), rogue.now)
    rogue.run_for(0.1)
    assert all(channel.state is not ChannelState.OPEN for channel in channels)
