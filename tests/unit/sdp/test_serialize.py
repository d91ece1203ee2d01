import pytest

from rtcpeer.sdp import parse, serialize
from tests.unit.sdp.fixtures import NAMES, read


@pytest.mark.parametrize("name", NAMES)
def test_foreign_descriptions_come_back_byte_for_byte(name):
    text = read(name)
    assert serialize(parse(text)) == text.replace("\n", "\r\n")


def test_every_kind_of_line_comes_back():
    text = (
        "v=0\r\no=alice 11 22 IN IP6 ::1\r\ns= \r\ni=info\r\nu=http://a\r\ne=a@b\r\np=+1\r\nc=IN IP4 1.2.3.4\r\n"
        "b=AS:1\r\nt=0 0\r\nr=7d 1h 0\r\nt=1 2\r\nz=0 -1h\r\nk=prompt\r\na=flag\r\na=key:\r\n"
        "m=audio 4000/2 RTP/AVP 0\r\ni=x\r\nc=IN IP4 1.1.1.1\r\nc=IN IP4 1.1.1.2\r\nb=AS:1\r\nk=clear:x\r\na=y \r\n"
    ).replace("a=y \r\n", "a=y:z \r\n")
    assert serialize(parse(text)) == text
