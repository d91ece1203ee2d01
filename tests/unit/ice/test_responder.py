import random

import pytest

from rtcpeer.core import TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice import IceParameters
from rtcpeer.ice.responder import PeerCheck, accept_request, answer, refuse
from rtcpeer.stun import AttributeType, ErrorCode, MessageClass, Method, StunMessage, short_term_key

OURS = IceParameters("ours", "our password of 24 bytes")
KEY = short_term_key(OURS.password)
PATH = (TransportAddress("192.0.2.1", 5000), TransportAddress("192.0.2.2", 6000))


def request(username: str | None = "ours:peer", priority: bytes | None = b"\0\0\0\x07", nominate: bool = False):
    message = StunMessage.request(Method.BINDING, random.Random(1).randbytes)
    if username is not None:
        message.add_text(AttributeType.USERNAME, username)
    if priority is not None:
        message.add(AttributeType.PRIORITY, priority)
    if nominate:
        message.add(AttributeType.USE_CANDIDATE)
    return message


def received(message: StunMessage, **how) -> StunMessage:
    return StunMessage.parse(message.serialize(**{"key": KEY, "fingerprint": True, **how}))


@pytest.mark.parametrize(("username", "theirs"), [("ours:peer", "peer"), ("ours:a:b", "a:b"), ("ours", "")])
def test_a_check_that_is_believed(username, theirs):
    message = received(request(username, nominate=True))
    assert accept_request(message, PATH, OURS) == PeerCheck(PATH, message, theirs, 7, True)


@pytest.mark.parametrize(
    ("message", "how", "code"),
    [
        (request(), {"key": None}, 400),
        (request(None), {}, 400),
        (request(priority=None), {}, 400),
        (request("other:peer"), {}, 401),
        (request(), {"key": b"another"}, 401),
    ],
)
def test_a_check_that_is_not_believed(message, how, code):
    verdict = accept_request(received(message, **how), PATH, OURS)
    response = StunMessage.parse(verdict)
    assert response.message_class is MessageClass.ERROR
    assert response.error[0] == code
    # RFC 8489 section 9.1.3: nothing is signed for somebody who has not proved anything.
    assert response.has_integrity is (message.value(AttributeType.PRIORITY) is None)


def test_a_check_without_fingerprint_is_believed():
    message = received(request(), fingerprint=False)
    assert not message.has_fingerprint
    assert isinstance(accept_request(message, PATH, OURS), PeerCheck)


@pytest.mark.parametrize("attribute", [AttributeType.ICE_CONTROLLED, AttributeType.ICE_CONTROLLING])
def test_a_tie_breaker_of_a_wrong_length_is_malformed(attribute):
    message = request()
    message.add(attribute, b"short")
    with pytest.raises(MalformedPacketError):
        accept_request(received(message), PATH, OURS)


def test_a_priority_of_a_wrong_length_is_malformed():
    with pytest.raises(MalformedPacketError):
        accept_request(received(request(priority=b"\0")), PATH, OURS)


def test_the_answer_says_where_the_check_came_from():
    message = received(request())
    response = StunMessage.parse(answer(accept_request(message, PATH, OURS), OURS))
    assert response.message_class is MessageClass.SUCCESS
    assert response.transaction_id == message.transaction_id
    assert response.mapped_address == PATH[1]
    assert response.verify_integrity(KEY)
    assert response.has_fingerprint
    assert AttributeType.USERNAME not in response


def test_the_answer_is_signed_as_the_request_was():
    message = received(request(), key=None, sha256_key=KEY)
    verdict = accept_request(message, PATH, OURS)
    response = StunMessage.parse(answer(verdict, OURS))
    assert response.has_sha256_integrity
    assert response.verify_integrity(KEY)
    assert b"\x00\x08\x00\x14" not in answer(verdict, OURS)  # no MESSAGE-INTEGRITY beside it
    assert not StunMessage.parse(answer(accept_request(received(request()), PATH, OURS), OURS)).has_sha256_integrity


def test_a_refusal_with_and_without_a_key():
    message = received(request())
    assert StunMessage.parse(refuse(message, ErrorCode.ROLE_CONFLICT, KEY)).verify_integrity(KEY)
    assert not StunMessage.parse(refuse(message, ErrorCode.BAD_REQUEST)).has_integrity
