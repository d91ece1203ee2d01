from rtcpeer.rtp.extension_values import AudioLevel, ExtensionUri, VideoOrientation
from rtcpeer.rtp.extension_writer import Departure, ExtensionWriter
from rtcpeer.rtp.extensions import ExtensionMap, HeaderExtensions
from rtcpeer.rtp.header import RtpHeader

IDS = (
    (ExtensionUri.MID, 1),
    (ExtensionUri.RID, 2),
    (ExtensionUri.REPAIRED_RID, 3),
    (ExtensionUri.TRANSPORT_WIDE_CC, 4),
    (ExtensionUri.ABSOLUTE_SEND_TIME, 5),
    (ExtensionUri.AUDIO_LEVEL, 6),
    (ExtensionUri.VIDEO_ORIENTATION, 7),
)


def read(written, departing=b"", ids=IDS):
    data = written.before + departing + written.after
    assert len(data) % 4 == 0
    assert int.from_bytes(data[2:4], "big") * 4 == len(data) - 4
    header = RtpHeader(96, 0, 0, 1, extension_profile=int.from_bytes(data[:2], "big"), extension=data[4:])
    return ExtensionMap(dict(ids), allow_two_byte=True).decode(header)


def test_what_is_known_only_at_departure_has_its_place():
    writer = ExtensionWriter(IDS, "0", "low", None)
    assert writer.departure == Departure(is_sequence_number=True, size=2)
    written = writer.write(b"")
    assert writer.size == len(written.before) + 2 + len(written.after)
    told = read(written, b"\x12\x34")
    assert (told.transport_sequence_number, told.mid, told.rid, told.repaired_rid) == (0x1234, "0", "low", None)
    assert told.absolute_send_time is None


def test_the_send_time_is_written_where_there_is_no_better_one():
    ids = [each for each in IDS if each[0] != ExtensionUri.TRANSPORT_WIDE_CC]
    writer = ExtensionWriter(ids, None, None, "low")
    assert writer.departure == Departure(is_sequence_number=False, size=3)
    told = read(writer.write(b""), b"\1\2\3")
    assert (told.absolute_send_time, told.repaired_rid) == (0x010203, "low")


def test_a_packet_adds_what_it_says_itself():
    writer = ExtensionWriter(IDS, "audio", None, None)
    values = HeaderExtensions(audio_level=AudioLevel(30), video_orientation=VideoOrientation(90))
    told = read(writer.write(writer.elements(values)), b"\0\1")
    assert (told.mid, told.audio_level, told.video_orientation) == ("audio", AudioLevel(30), VideoOrientation(90))


def test_without_anything_to_say_there_is_no_extension():
    writer = ExtensionWriter((), "0", None, None)
    assert writer.write(b"") == (b"", b"")
    assert writer.departure is None
    assert writer.size == 0
    assert writer.elements(HeaderExtensions(audio_level=AudioLevel(1))) == b""


def test_what_the_one_byte_form_can_not_say_is_left_out():
    ids = ((ExtensionUri.MID, 1), (ExtensionUri.RID, 15), (ExtensionUri.TRANSPORT_WIDE_CC, 200))
    writer = ExtensionWriter(ids, "a-mid-of-more-than-sixteen", "low", None)
    assert writer.write(b"") == (b"", b"")
