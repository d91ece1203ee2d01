from rtcpeer.sdp import Attribute, Attributes, MediaSection, SessionDescription


def test_attributes_are_found_in_order():
    attributes = Attributes.of("rtcp-mux", ("candidate", "a"), Attribute("candidate", "b"), ("sctp-port", 5000))
    assert [attribute.value for attribute in attributes.named("candidate")] == ["a", "b"]
    assert attributes.first("candidate") == Attribute("candidate", "a")
    assert attributes.first("nothing") is None
    assert attributes.has("rtcp-mux")
    assert not attributes.has("rtcp")
    assert [str(attribute) for attribute in attributes.without("candidate")] == ["rtcp-mux", "sctp-port:5000"]
    assert attributes.plus(["end"])[-1] == Attribute("end")


def test_line_numbers_take_no_part_in_comparisons():
    assert Attribute("a", "b", 3) == Attribute("a", "b", 4)


def test_a_section_inherits_from_its_session_what_it_does_not_say():
    own = MediaSection("audio", 9, "P", ("0",), attributes=Attributes.of(("setup", "active")))
    session = SessionDescription(attributes=Attributes.of(("setup", "passive"), ("ice-pwd", "x")), media=(own,))
    assert session.inherited(own, "setup") == Attribute("setup", "active")
    assert session.inherited(own, "ice-pwd") == Attribute("ice-pwd", "x")
    assert session.inherited(own, "ice-ufrag") is None
