import contextlib

import pytest

from rtcpeer.errors import RTCError, SdpSyntaxError
from rtcpeer.sdp import Attribute, Connection, Origin, Timing, parse
from rtcpeer.sdp.parse import MAX_LENGTH
from tests.unit.sdp.fixtures import NAMES, read

MINIMAL = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


def test_reads_every_line_of_the_session():
    description = parse(
        "v=0\r\no=alice 11 22 IN IP6 ::1\r\ns= \r\ni=info\r\nu=http://a\r\ne=a@b\r\ne=c@d\r\np=+1\r\n"
        "c=IN IP4 1.2.3.4\r\nb=AS:1\r\nt=0 0\r\nr=7d 1h 0\r\nt=1 2\r\nz=0 -1h\r\nk=prompt\r\na=flag\r\na=key:a:b\r\n"
    )
    assert description.origin == Origin("alice", "11", "22", "IN", "IP6", "::1")
    assert description.name == " "
    assert (description.information, description.uri) == ("info", "http://a")
    assert (description.emails, description.phones) == (("a@b", "c@d"), ("+1",))
    assert description.connection == Connection("IN", "IP4", "1.2.3.4")
    assert description.timings == (Timing("0 0", ("7d 1h 0",)), Timing("1 2"))
    assert (description.time_zones, description.key) == ("0 -1h", "prompt")
    assert description.attributes == (Attribute("flag"), Attribute("key", "a:b"))


def test_reads_a_media_section_with_lines_in_any_order():
    (section,) = parse(MINIMAL + "m=audio 4000/2 RTP/AVP 0 8\r\na=x\r\nb=AS:64\r\nc=IN IP4 1.1.1.1\r\ni=i\r\n").media
    assert (section.kind, section.port, section.port_count, section.protocol) == ("audio", 4000, 2, "RTP/AVP")
    assert section.formats == ("0", "8")
    assert section.connections == (Connection("IN", "IP4", "1.1.1.1"),)
    assert (section.bandwidths, section.information) == (("AS:64",), "i")
    assert section.line_number == 5


@pytest.mark.parametrize("text", [MINIMAL.replace("\r\n", "\n"), MINIMAL + "\r\n\n", MINIMAL.rstrip()])
def test_takes_careless_line_ends(text):
    assert parse(text) == parse(MINIMAL)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "empty"),
        ("\r\n\n", 1, "empty"),
        ("hello", 1, "expected a letter"),
        ("o=- 1 2 IN IP4 1.1.1.1", 1, "expected v="),
        ("v=1\n", 1, "version '1'"),
        ("v=0\ns=-\n", 2, "expected o="),
        ("v=0\no=- 1 2 IN IP4\ns=-\nt=0 0\n", 2, "six fields"),
        ("v=0\no=- x 2 IN IP4 a\ns=-\nt=0 0\n", 2, "session id"),
        ("v=0\no=- 1 y IN IP4 a\ns=-\nt=0 0\n", 2, "session version"),
        ("v=0\no=- 1 2 IN IP4 a\ns=-\n", 3, "lacks t="),
        (MINIMAL + "s=again\n", 5, "stands too late"),
        ("v=0\nv=0\n", 2, "second v="),
        (MINIMAL + "\na=x\n", 5, "expected a letter"),
        (MINIMAL + "x=1\n", 5, "unknown type 'x'"),
        (MINIMAL + "a=\n", 5, "not an attribute"),
        (MINIMAL + "a=:x\n", 5, "not an attribute"),
        (MINIMAL + "a=a\rb\n", 5, "CR nor NUL"),
        (MINIMAL + "a=\0\n", 5, "CR nor NUL"),
        (MINIMAL + "m=audio 9 RTP/AVP\n", 5, "m= needs"),
        (MINIMAL + "m=audio 70000 RTP/AVP 0\n", 5, "port '70000'"),
        (MINIMAL + "m=audio -1 RTP/AVP 0\n", 5, "port '-1'"),
        (MINIMAL + "m=audio 9/ RTP/AVP 0\n", 5, "number of ports"),
        (MINIMAL + "m=audio 9 RTP/AVP 0\nt=0 0\n", 6, "does not belong"),
        (MINIMAL + "m=audio 9 RTP/AVP 0\nc=IN IP4\n", 6, "c= needs"),
        (MINIMAL + "m=audio 9 RTP/AVP 0\ni=1\ni=2\n", 7, "second i="),
        ("v=0\no=- 1 2 IN IP4 a\ns=-\nr=7d\nt=0 0\n", 4, "r= without t="),
    ],
)
def test_names_the_broken_line(text, line, message):
    with pytest.raises(SdpSyntaxError, match=message) as caught:
        parse(text)
    assert caught.value.sdpLineNumber == line
    assert isinstance(caught.value, RTCError)
    assert caught.value.errorDetail == "sdp-syntax-error"


def test_refuses_what_is_too_long_unread():
    with pytest.raises(SdpSyntaxError, match="longer than"):
        parse("a" * (MAX_LENGTH + 1))


@pytest.mark.parametrize("name", NAMES)
def test_every_prefix_of_a_foreign_description_parses_or_breaks_the_grammar(name):
    text = read(name)
    for end in range(0, len(text), 1 if len(text) < 1000 else 37):
        with contextlib.suppress(SdpSyntaxError):
            parse(text[:end])
