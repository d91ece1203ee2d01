from rtcpeer.rtp.bandwidth import Priority
from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.rtp.extension_writer import ExtensionWriter
from rtcpeer.rtp.extensions import ExtensionMap
from rtcpeer.rtp.header import RtpHeader, parse_packet
from rtcpeer.rtp.outgoing import OutgoingPacket
from rtcpeer.rtp.repair_stream import RepairStream
from rtcpeer.rtp.rtx import unwrap

IDS = ((ExtensionUri.MID, 1), (ExtensionUri.REPAIRED_RID, 3))


def repair():
    stream = RepairStream(0xBEEF, 65535)
    stream.configure({96: 97}, ExtensionWriter(IDS, "0", None, "low"))
    return stream


def media(payload_type=96, payload=b"payload", csrcs=()):
    head = RtpHeader(payload_type, 1234, 9000, 0xCAFE, marker=True, csrcs=csrcs).serialize()
    return OutgoingPacket(None, head, payload, payload, Priority.VIDEO, 0.0)


def test_the_packet_comes_again_in_a_stream_of_its_own():
    stream = repair()
    again = [stream.again(media(csrcs=(5, 6)), 1.0) for _ in range(2)]
    packets = [parse_packet(packet.head + packet.tail) for packet in again]
    assert [packet.header.sequence_number for packet in packets] == [65535, 0]
    header = packets[0].header
    assert (header.ssrc, header.payload_type, header.timestamp, header.marker) == (0xBEEF, 97, 9000, True)
    assert header.csrcs == (5, 6)
    told = ExtensionMap(dict(IDS)).decode(header)
    assert (told.mid, told.repaired_rid) == ("0", "low")
    original = unwrap(packets[0], payload_type=96, ssrc=0xCAFE)
    assert (original.header.sequence_number, original.payload) == (1234, b"payload")
    assert (again[0].priority, again[0].sequence_number, again[0].queued_at) == (Priority.RETRANSMISSION, None, 1.0)


def test_what_was_not_agreed_on_has_no_repair():
    assert repair().again(media(payload_type=98), 1.0) is None
    assert repair().padding(None, 98, 0, 100, 1.0) is None
    assert not RepairStream(1, 0).is_usable


def test_padding_is_a_packet_without_payload():
    packet = repair().padding(None, 96, 4500, 224, 1.0)
    parsed = parse_packet(packet.head + packet.tail)
    assert (parsed.payload, parsed.padding_size, parsed.header.timestamp) == (b"", 224, 4500)
    assert unwrap(parsed, payload_type=96, ssrc=1) is None
    assert packet.priority is Priority.PADDING
