from dataclasses import replace

import pytest

from rtcpeer.jsep import DEFAULT_CAPABILITIES, CodecCapability, Negotiation, NegotiationSettings
from rtcpeer.jsep.codec_matching import answered_codecs, paired, usable
from rtcpeer.rtp.parameters import CodecParameters
from rtcpeer.sdp import serialize
from tests.unit.jsep.parts import (
    ANSWER,
    INACTIVE,
    LOCAL,
    OFFER,
    OTHER,
    RECVONLY,
    SENDONLY,
    SENDRECV,
    exchange,
    section,
    values,
    wanted,
    wish,
)

VIDEO = DEFAULT_CAPABILITIES.codecs_of("video")
AUDIO = DEFAULT_CAPABILITIES.codecs_of("audio")


def codec(name, payload_type, *, kind="video", clock_rate=90000, channels=1, feedback=("nack",), **parameters):
    pairs = tuple((key.replace("_", "-"), str(value)) for key, value in parameters.items())
    return CodecParameters(kind, name, payload_type, clock_rate, channels, pairs, frozenset(feedback))


def rtx(payload_type, apt):
    return codec("rtx", payload_type, apt=apt, feedback=())


def numbers(codecs):
    return [each.payload_type for each in codecs]


def capabilities(kind, *names):
    return [each for each in DEFAULT_CAPABILITIES.codecs_of(kind) if each.name in names]


def answer(*offered, ours=VIDEO, is_ordered=False):
    return answered_codecs(offered, ours, is_ordered=is_ordered)


def test_the_offers_order_and_numbers_hold():
    offered = codec("vp9", 40), rtx(41, 40), codec("VP8", 120), codec("H265", 50), rtx(51, 50)
    assert numbers(answer(*offered)) == [40, 41, 120]


def test_our_preferences_hold_where_there_are_some_and_rtx_stays_with_its_codec():
    offered = codec("VP9", 40), rtx(41, 40), codec("VP8", 120), rtx(121, 120)
    assert numbers(answer(*offered, is_ordered=True)) == [120, 121, 40, 41]


def test_rtx_needs_to_be_among_ours_and_to_repair_what_is_accepted_and_asked_for_again():
    offered = codec("VP8", 96), rtx(97, 96), rtx(98, 99), rtx(99, "x"), rtx(100, 1000)
    assert numbers(answer(*offered)) == [96, 97]
    assert numbers(answer(*offered, ours=capabilities("video", "VP8"))) == [96]
    assert numbers(answer(codec("VP8", 96, feedback=()), rtx(97, 96))) == [96]


def test_events_alone_are_no_audio():
    event = codec("telephone-event", 101, kind="audio", clock_rate=8000)
    assert answer(event, ours=AUDIO) == ()
    pcmu = codec("PCMU", 0, kind="audio", clock_rate=8000)
    assert numbers(answer(pcmu, event, ours=AUDIO)) == [0, 101]


@pytest.mark.parametrize("changes", [{"clock_rate": 44100}, {"channels": 1}, {"kind": "video"}, {"name": "multiopus"}])
def test_another_clock_or_number_of_channels_is_another_codec(changes):
    opus = codec("OPUS", 100, kind="audio", clock_rate=48000, channels=2)
    assert numbers(answer(opus, ours=AUDIO)) == [100]
    assert answer(replace(opus, **changes), ours=AUDIO) == ()


@pytest.mark.parametrize(
    ("parameters", "is_accepted"),
    [({}, True), ({"profile_id": 0}, True), ({"profile_id": 2}, False), ({"PROFILE_ID": 1}, False)],
)
def test_vp9_by_profile(parameters, is_accepted):
    assert bool(answer(codec("VP9", 98, **parameters))) == is_accepted


@pytest.mark.parametrize(("parameters", "is_accepted"), [({}, True), ({"profile": 0}, True), ({"profile": 1}, False)])
def test_av1_by_profile(parameters, is_accepted):
    assert bool(answer(codec("AV1", 45, **parameters))) == is_accepted


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        # Profile, packetization mode and asymmetry as offered, then what we say; None for nothing.
        (("42e01f", 1, 1), {"profile-level-id": "42e01f", "packetization-mode": "1", "level-asymmetry-allowed": "1"}),
        (("42e034", 1, 1), {"profile-level-id": "42e01f", "packetization-mode": "1", "level-asymmetry-allowed": "1"}),
        (("42e00b", 1, None), {"profile-level-id": "42e00b", "packetization-mode": "1"}),
        (("42e034", 1, None), {"profile-level-id": "42e01f", "packetization-mode": "1"}),
        (("4D001F", 0, 1), {"profile-level-id": "4d001f", "packetization-mode": "0", "level-asymmetry-allowed": "1"}),
        (("640c2a", 1, 1), {"profile-level-id": "640c1f", "packetization-mode": "1", "level-asymmetry-allowed": "1"}),
        (("42e01f", 2, 1), None),
        (("f4001f", 1, 1), None),
        (("garbage", 1, 1), None),
    ],
)
def test_h264_by_profile_and_packetization_mode(offered, answered):
    profile, mode, asymmetry = offered
    parameters = {"profile_level_id": profile, "packetization_mode": mode}
    if asymmetry is not None:
        parameters["level_asymmetry_allowed"] = asymmetry
    found = answer(codec("H264", 100, **parameters))
    assert (dict(found[0].parameters) if found else None) == answered


def test_h264_that_says_nothing_is_baseline_in_single_nal_units():
    assert dict(answer(codec("H264", 100))[0].parameters) == {
        "profile-level-id": "42000a",
        "packetization-mode": "0",
    }


def test_feedback_is_what_both_know():
    (found,) = answer(codec("VP8", 96, feedback=("nack", "x-other", "ccm fir")))
    assert found.feedback == {"nack", "ccm fir"}


def test_pairs_hold_though_the_answer_has_other_numbers():
    offered = codec("VP8", 96), rtx(97, 96), codec("VP9", 98), rtx(99, 98)
    answered = codec("vp9", 120), codec("VP8", 96), rtx(97, 96), rtx(121, 120), rtx(122, 5)
    found = [(ours.payload_type, theirs.payload_type) for ours, theirs in paired(offered, answered)]
    assert found == [(98, 120), (96, 96), (97, 97), (99, 121)]


def test_asymmetric_payload_types_are_sent_as_the_answer_and_received_as_the_offer_has_them():
    first, second = Negotiation("1"), Negotiation("2")
    first.create_offer(wanted(wish(0, codec_preferences=tuple(capabilities("video", "VP8", "rtx")))), LOCAL)
    first.set_local(OFFER)
    second.set_remote(OFFER, first.pending_local.sdp)
    reply = serialize(second.create_answer(OTHER))
    for ours, theirs in (("96", "120"), ("97", "121")):
        reply = reply.replace(f":{ours} ", f":{theirs} ").replace("SAVPF 96 97", "SAVPF 120 121")
    (facts,) = first.set_remote(ANSWER, reply.replace("apt=96", "apt=120")).media
    assert numbers(facts.send.codecs) == [120, 121]
    assert numbers(facts.receive.codecs) == [96, 97]
    assert facts.send.repair_of(facts.send.codecs[0]).payload_type == 121
    assert facts.receive.repair_of(facts.receive.codecs[0]).payload_type == 97


@pytest.mark.parametrize(
    ("direction", "expected"), [(SENDONLY, "A"), (RECVONLY, "B"), (SENDRECV, ""), (INACTIVE, "AB")]
)
def test_what_is_usable_depends_on_the_direction(direction, expected):
    known = [CodecCapability("video", "A", 1, can_receive=False), CodecCapability("video", "B", 1, can_send=False)]
    assert "".join(each.name for each in usable(known, direction, ())) == expected


def test_preferences_filter_and_order_offers():
    preferred = [*capabilities("video", "H264")[:1], *capabilities("video", "VP8")]
    offer = Negotiation("1").create_offer(wanted(wish(0, codec_preferences=tuple(preferred))), LOCAL)
    assert section(offer).formats == ("108", "96")
    with_rtx = wish(0, codec_preferences=(*preferred, *capabilities("video", "rtx")))
    media = section(Negotiation("1").create_offer(wanted(with_rtx), LOCAL))
    assert media.formats == ("108", "109", "96", "97")
    assert values(media, "ssrc-group")
    assert not values(section(offer), "ssrc-group")


def test_a_preference_that_is_no_capability_of_ours_is_ignored():
    foreign = CodecCapability("video", "H265", 90000)
    preferred = (foreign, *capabilities("video", "VP8"))
    assert section(Negotiation("1").create_offer(wanted(wish(0, codec_preferences=preferred)), LOCAL)).formats == (
        "96",
    )


def test_preferences_order_answers_too():
    preferred = tuple(capabilities("video", "AV1", "rtx"))
    applied, other = exchange(
        Negotiation("1"), Negotiation("2"), wanted(wish(0)), wanted(wish(0, codec_preferences=preferred))
    )
    assert numbers(applied.media[0].send.codecs) == numbers(other.media[0].receive.codecs) == [45, 46]


def test_what_was_agreed_on_comes_first_in_the_next_offer():
    first, second = Negotiation("1"), Negotiation("2")
    exchange(
        first, second, wanted(wish(0)), wanted(wish(0, codec_preferences=tuple(capabilities("video", "AV1", "rtx"))))
    )
    offer = first.create_offer(wanted(wish(0)), LOCAL)
    assert section(offer).formats[:4] == ("45", "46", "96", "97")
    assert len(section(offer).formats) == len(section(Negotiation("1").create_offer(wanted(wish(0)), LOCAL)).formats)


def test_capabilities_are_limited_to_what_works():
    limited = DEFAULT_CAPABILITIES.limited(
        can_send=lambda each: each.name == "opus", can_receive=lambda each: each.name in {"opus", "VP8"}
    )
    assert [each.name for each in limited.codecs] == [
        "opus",
        "telephone-event",
        "telephone-event",
        "VP8",
        "rtx",
    ]
    negotiation = Negotiation("1", NegotiationSettings(capabilities=limited))
    offer = negotiation.create_offer(wanted(wish(0), wish(1, direction=RECVONLY), wish(2, "audio")), LOCAL)
    assert [(media.kind, media.formats) for media in offer.media] == [
        ("video", ("96", "97")),
        ("audio", ("111", "110", "126")),
    ]
