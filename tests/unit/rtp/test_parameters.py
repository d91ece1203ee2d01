from rtcpeer.rtp.parameters import CodecParameters, ReceiveParameters, SendParameters

VP8 = CodecParameters("video", "VP8", 96, 90000)
RTX = CodecParameters("video", "rtx", 97, 90000, parameters=(("apt", "96"),))
H264 = CodecParameters("video", "H264", 102, 90000, parameters=(("Packetization-Mode", "1"),))


def test_the_mime_type_is_kind_and_name() -> None:
    assert VP8.mime_type == "video/VP8"


def test_a_format_parameter_is_found_whatever_its_case() -> None:
    assert H264.parameter("packetization-mode") == "1"
    assert H264.parameter("profile-level-id") is None


def test_a_codec_finds_its_repair() -> None:
    sending = SendParameters("0", (VP8, RTX, H264), (), (), "us")
    receiving = ReceiveParameters("0", (VP8, RTX, H264), ())
    assert sending.repair_of(VP8) == RTX
    assert receiving.repair_of(VP8) == RTX
    assert sending.repair_of(H264) is None
    assert receiving.repair_of(H264) is None
