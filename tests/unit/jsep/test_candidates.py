from dataclasses import replace

import pytest

from rtcpeer.jsep.candidates import bare, with_candidates
from rtcpeer.sdp import parse
from tests.unit.jsep.parts import DATA, LOCAL, RESTARTED, offered

HOST6 = "1 1 udp 2122265343 fd77::2 40000 typ host"
HOST4 = "2 1 udp 2122194687 10.77.0.2 40001 typ host"
NAME = "3 1 udp 2122194687 4a55fae5-d5da.local 40002 typ host"
TCP = "4 1 tcp 1518214911 10.77.0.2 9 typ host tcptype active"
REFLEXIVE = "5 1 udp 1686052607 192.0.2.1 40003 typ srflx raddr 10.77.0.2 rport 40001"
RELAYED = "6 1 udp 41885439 2001:db8::1 40004 typ relay raddr 192.0.2.1 rport 40003"


@pytest.mark.parametrize(
    ("candidates", "line", "address"),
    [
        ([], 9, "IN IP4 0.0.0.0"),
        ([HOST6], 40000, "IN IP6 fd77::2"),
        ([HOST6, HOST4], 40001, "IN IP4 10.77.0.2"),
        ([NAME, TCP], 9, "IN IP4 0.0.0.0"),
        ([HOST4, REFLEXIVE], 40003, "IN IP4 192.0.2.1"),
        ([HOST4, REFLEXIVE, RELAYED], 40004, "IN IP6 2001:db8::1"),
    ],
)
def test_the_default_candidate_stands_in_the_m_line(candidates, line, address):
    negotiation, _ = offered()
    text = negotiation.local_description_text("effective", replace(LOCAL, candidates=tuple(candidates)))
    (section,) = parse(text).media
    assert section.port == line
    assert [str(connection) for connection in section.connections] == [address]
    assert [attribute.value for attribute in section.attributes.named("candidate")] == candidates
    assert not section.attributes.has("end-of-candidates")


def test_prefixes_are_taken_off_and_the_end_is_told():
    negotiation, _ = offered()
    local = replace(LOCAL, candidates=(f"candidate:{HOST4}", f"a=candidate:{HOST6}"), is_end_of_candidates=True)
    text = negotiation.local_description_text("pending", local)
    assert text.endswith(f"a=candidate:{HOST4}\r\na=candidate:{HOST6}\r\na=end-of-candidates\r\n")


def test_candidates_of_another_generation_stay_out():
    negotiation, text = offered()
    stranger = replace(RESTARTED, candidates=(HOST4,))
    assert negotiation.local_description_text("effective", stranger) == text
    assert HOST4 in negotiation.local_description_text("effective", stranger, replace(LOCAL, candidates=(HOST4,)))


def test_an_offer_holds_what_is_gathered_when_it_is_created():
    negotiation, _ = offered()
    local = replace(LOCAL, candidates=(HOST4,), is_end_of_candidates=True)
    offer = negotiation.create_offer(DATA, local)
    assert offer.media[0].port == 40001
    assert bare(offer) == negotiation.local_description().sdp


def test_a_description_without_a_transport_is_left_alone():
    description = parse("v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\nm=audio 0 RTP/AVP 0\n")
    assert with_candidates(description, [LOCAL], {0: 0}) == description
