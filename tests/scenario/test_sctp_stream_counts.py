"""Streams that the peer does not admit, and streams that it adds."""

from struct import pack

import pytest

from rtcpeer.sctp import SctpSettings
from rtcpeer.sctp.chunks import ChunkType, pack_chunk
from rtcpeer.sctp.events import AssociationEstablished, IncomingStreamsAdded, PeerAnswered, StreamsRefused
from rtcpeer.sctp.parameters import ParameterType, iterate_parameters, pack_parameter
from rtcpeer.sctp.stream_reset import Result
from tests.unit.sctp.lossy_pipe import LossyPipe

FIREFOX = SctpSettings(outbound_streams=256, inbound_streams=2048)


@pytest.mark.parametrize("is_connecting", [True, False])
def test_messages_on_streams_the_peer_does_not_admit_are_dropped_and_told(is_connecting: bool) -> None:
    pipe = LossyPipe(right_settings=FIREFOX)
    pipe.left.send(2047, 51, b"fits")
    pipe.left.send(2048, 51, b"does not")
    pipe.left.send(3000, 51, bytes(100_000))
    (pipe.left if is_connecting else pipe.right).connect()
    assert pipe.run(lambda: bool(pipe.messages(1)))
    assert pipe.of_type(0, StreamsRefused) == [StreamsRefused((2048, 3000))]
    assert pipe.left.buffered_amount(3000) == 0
    assert pipe.left.outbound_streams == 2048
    with pytest.raises(ValueError, match="outside the 2048"):
        pipe.left.send(2048, 51, b"x")
    pipe.run(duration=5)
    assert [message.stream_id for message in pipe.messages(1)] == [2047]
    assert not pipe.left._endpoint.link.sender.has_work  # type: ignore[union-attr]


def request(pipe: LossyPipe, number: int, count: int) -> Result:
    parameter = pack_parameter(ParameterType.ADD_OUTGOING_STREAMS, pack(">IHH", number, count, 0))
    link = pipe.right._endpoint.link
    assert link is not None
    pipe.left.receive(link.envelope.seal(pack_chunk(ChunkType.RECONFIG, parameter)), pipe.now)
    (packet,) = pipe.left.packets_to_send(pipe.now)
    ((kind, answer),) = iterate_parameters(packet[16:28])
    assert kind == ParameterType.RECONFIG_RESPONSE
    assert answer[:4] == number.to_bytes(4, "big")
    return Result(int.from_bytes(answer[4:8], "big"))


def test_a_peer_adds_streams_up_to_what_we_announced() -> None:
    pipe = LossyPipe(right_settings=FIREFOX).established()
    pipe.run(duration=1)
    assert pipe.left.inbound_streams == 256
    terms = pipe.left._endpoint.link.terms  # type: ignore[union-attr]
    number = terms.peer_initial_tsn
    assert request(pipe, number, 256) is Result.PERFORMED
    assert pipe.left.inbound_streams == 512
    assert request(pipe, number, 256) is Result.PERFORMED  # the same request again: once is enough
    assert pipe.left.inbound_streams == 512
    assert request(pipe, (number + 1) & 0xFFFFFFFF, 65_535) is Result.DENIED
    assert pipe.left.inbound_streams == 512
    pipe.flush()
    assert pipe.of_type(0, IncomingStreamsAdded) == [IncomingStreamsAdded(512)]


def test_counts_are_told_with_the_answer_and_with_the_association() -> None:
    pipe = LossyPipe(right_settings=FIREFOX).established()
    assert pipe.of_type(0, PeerAnswered) == [PeerAnswered(256, 2048)]
    assert pipe.of_type(0, AssociationEstablished) == [AssociationEstablished(256, 2048)]
    assert pipe.of_type(1, AssociationEstablished) == [AssociationEstablished(2048, 256)]
