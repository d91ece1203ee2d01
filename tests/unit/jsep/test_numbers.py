import pytest

from rtcpeer.errors import InvalidAccessError
from rtcpeer.jsep import DEFAULT_CAPABILITIES, CodecCapability, Negotiation
from rtcpeer.jsep.codec_matching import identity
from rtcpeer.jsep.numbers import Numbers, check_extension_ids, learned_extension_ids, learned_payload_types
from rtcpeer.jsep.rtp_description import RtpDescription
from rtcpeer.rtp.extension_values import ExtensionUri
from rtcpeer.rtp.parameters import CodecParameters
from rtcpeer.sdp import serialize
from rtcpeer.sdp.media import HeaderExtension
from tests.unit.jsep.parts import LOCAL, OFFER, OTHER, answer, section, values, wanted, wish
from tests.unit.sdp.fixtures import read

VP8 = CodecCapability("video", "VP8", 90000, feedback=frozenset({"nack"}), payload_type=96, repair_payload_type=97)
RTX = CodecCapability("video", "rtx", 90000)


def described(*codecs, extensions=()):
    return RtpDescription("video", codecs=codecs, extensions=extensions)


def named(name, payload_type, **parameters):
    return CodecParameters("video", name, payload_type, 90000, parameters=tuple(parameters.items()))


def test_preferred_numbers_where_they_are_free():
    assert [each.payload_type for each in Numbers((), (), ()).codecs([VP8, RTX])] == [96, 97]


def test_numbers_of_others_are_left_alone():
    known = learned_payload_types((), [described(named("H264", 96), named("VP9", 98))])
    codecs = Numbers(known, (), ()).codecs([VP8, RTX])
    assert [(each.name, each.payload_type) for each in codecs] == [("VP8", 97), ("rtx", 99)]
    assert codecs[1].parameter("apt") == "97"


def test_a_codec_keeps_its_number():
    known = learned_payload_types((), [described(named("VP8", 120), named("rtx", 121, apt="120"))])
    assert [each.payload_type for each in Numbers(known, (), ()).codecs([VP8, RTX])] == [120, 121]


def test_a_number_that_means_something_else_now_is_lost_to_what_it_meant():
    known = learned_payload_types((), [described(named("VP8", 96))])
    known = learned_payload_types(known, [described(named("H264", 96))])
    assert Numbers(known, (), ()).codecs([VP8])[0].payload_type == 97


def test_a_section_uses_no_number_twice():
    known = learned_payload_types((), [described(named("rtx", 99, apt="98"))])
    known = learned_payload_types(known, [described(named("AV1", 99))])
    av1, vp9 = (CodecCapability("video", name, 90000, feedback=VP8.feedback) for name in ("AV1", "VP9"))
    section_before = named("VP9", 98), named("rtx", 99, apt="98")
    codecs = Numbers(known, (), ()).codecs([vp9, av1, RTX], section_before)
    assert [each.payload_type for each in codecs] == [98, 99, 96, 97]


def test_when_all_numbers_are_used_up_those_of_dead_sections_serve_again():
    junk = described(*(named(f"x-{number}", number) for number in range(35, 128)))
    known = learned_payload_types((), [junk])
    assert [each.payload_type for each in Numbers(known, (), ()).codecs([VP8, RTX])] == [96, 97]
    assert Numbers(known, (), [junk]).codecs([VP8, RTX]) == ()


def test_numbers_that_rtcp_would_be_taken_for_are_never_used():
    many = [CodecCapability("video", f"x-{number}", 90000) for number in range(100)]
    numbers = [each.payload_type for each in Numbers((), (), ()).codecs(many)]
    assert len(set(numbers)) == len(numbers) == 61
    assert not set(numbers) & set(range(64, 96))


def test_extension_ids_are_kept_and_never_given_twice():
    video = DEFAULT_CAPABILITIES.extensions_of("video")
    known = learned_extension_ids((), [described(extensions=(HeaderExtension(4, ExtensionUri.RID),))])
    found = {each.uri: each.id for each in Numbers((), known, ()).extensions(video)}
    assert found[ExtensionUri.RID] == 4
    assert len(set(found.values())) == len(found) == len(video)
    assert max(found.values()) <= 14


def test_an_id_that_means_something_else_now_is_lost_to_what_it_meant():
    known = learned_extension_ids((), [described(extensions=(HeaderExtension(1, "a"), HeaderExtension(2, "b")))])
    assert dict(learned_extension_ids(known, [described(extensions=(HeaderExtension(2, "a"),))])) == {"a": 2}


def test_extensions_that_find_no_id_are_left_out():
    junk = tuple(HeaderExtension(number, f"x-{number}") for number in range(1, 15))
    known = learned_extension_ids((), [described(extensions=junk)])
    assert Numbers((), known, ()).extensions(DEFAULT_CAPABILITIES.extensions) == ()


def test_our_offer_goes_on_with_the_peers_numbers():
    negotiation = Negotiation("1")
    text, _ = answer(negotiation, read("firefox-offer-av"))
    offer = negotiation.create_offer(wanted(wish(-1, "audio"), wish(-2), wish(0), wish(1, "audio")), LOCAL)
    audio, video, new_video, new_audio = offer.media
    assert video.formats[:6] == section(text, 1).formats
    assert set(video.formats) == set(new_video.formats)
    assert new_audio.formats[:1] == ("109",)
    ids = {}
    for media in (audio, video, new_video, new_audio):
        for value in values(media, "extmap"):
            number, uri = value.split("/")[0].split()[0], value.split()[1]
            assert ids.setdefault(number, uri) == uri


def test_an_extension_id_with_two_meanings_in_one_group_is_refused():
    text = read("chromium-offer-av")
    assert "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset" in text
    with pytest.raises(InvalidAccessError, match="header extension 1 is"):
        Negotiation("1").set_remote(
            OFFER, text.replace("a=extmap:14 urn:ietf:params:rtp-hdrext:toffset", f"a=extmap:1 {ExtensionUri.RID}")
        )


def test_a_payload_type_with_two_meanings_is_survived_and_each_section_keeps_its_own():
    """Firefox offers this after it has answered with our numbers."""
    text = read("chromium-offer-av").replace("SAVPF 111 63 9", "SAVPF 96 63 9").replace(":111 ", ":96 ", 3)
    negotiation = Negotiation("1")
    reply, applied = answer(negotiation, text)
    assert [facts.receive.codecs[0].name for facts in applied.media] == ["opus", "VP8"]
    assert [facts.receive.codecs[0].payload_type for facts in applied.media] == [96, 96]
    again = negotiation.create_offer(wanted(), LOCAL)
    assert [media.formats[:2] for media in again.media] == [("96", "9"), ("96", "97")]
    assert values(section(again), "rtpmap")[0] == "96 opus/48000/2"
    assert values(section(again, 1), "rtpmap")[0] == "96 VP8/90000"
    assert section(reply).formats[0] == "96"


def test_what_we_do_not_know_may_have_any_id():
    unknown = described(extensions=(HeaderExtension(1, "a"),))
    check_extension_ids([unknown, described(extensions=(HeaderExtension(1, "b"),))], DEFAULT_CAPABILITIES)


@pytest.mark.parametrize(
    ("id_and_direction", "is_mixed", "expected"),
    [
        ("3", True, "3"),
        ("3/sendonly", True, "3/recvonly"),
        ("3/inactive", True, None),
        ("15", True, "15"),
        ("15", False, None),
        ("0", True, None),
        ("4096", True, None),
    ],
)
def test_extensions_are_answered_where_they_can_be_used(id_and_direction, is_mixed, expected):
    first, second = Negotiation("1"), Negotiation("2")
    text = serialize(first.create_offer(wanted(wish(0)), LOCAL))
    text = text.replace(
        f"extmap:3 {ExtensionUri.TRANSPORT_WIDE_CC}", f"extmap:{id_and_direction} {ExtensionUri.TRANSPORT_WIDE_CC}"
    )
    if not is_mixed:
        text = text.replace("a=extmap-allow-mixed\r\n", "")
    second.set_remote(OFFER, text)
    media = section(second.create_answer(OTHER))
    found = [value.split()[0] for value in values(media, "extmap") if ExtensionUri.TRANSPORT_WIDE_CC in value]
    assert found == ([expected] if expected else [])
    assert media.attributes.has("extmap-allow-mixed") == is_mixed


def test_the_identity_of_rtx_is_what_it_repairs():
    assert identity(named("rtx", 97, apt="96")) != identity(named("rtx", 97, apt="98"))
    assert identity(named("RTX", 5, apt="96")) == identity(named("rtx", 97, apt="96"))
