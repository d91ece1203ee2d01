import pytest

from rtcpeer.ice.role import Role
from rtcpeer.stun import AttributeType, MessageClass, StunMessage

OURS = int.from_bytes(b"\x80" + bytes(7), "big")


def said(attribute, number):
    message = StunMessage(1, MessageClass.REQUEST, bytes(12))
    message.add_uint64(attribute, number)
    return message


@pytest.mark.parametrize(
    ("controlling", "attribute", "theirs", "expected"),
    [
        (True, AttributeType.ICE_CONTROLLED, 0, None),
        (False, AttributeType.ICE_CONTROLLING, 0, None),
        (True, AttributeType.ICE_CONTROLLING, OURS - 1, False),
        (True, AttributeType.ICE_CONTROLLING, OURS, False),
        (True, AttributeType.ICE_CONTROLLING, OURS + 1, True),
        (False, AttributeType.ICE_CONTROLLED, OURS - 1, True),
        (False, AttributeType.ICE_CONTROLLED, OURS, True),
        (False, AttributeType.ICE_CONTROLLED, OURS + 1, False),
    ],
)
def test_conflicts(controlling, attribute, theirs, expected):
    role = Role(controlling, lambda count: b"\x80" + bytes(count - 1))
    assert role.yields_to(said(attribute, theirs)) is expected


def test_what_we_say_and_that_a_new_tie_breaker_differs():
    values = iter([b"12345678", b"87654321"])
    role = Role(True, lambda count: next(values))
    message = StunMessage(1, MessageClass.REQUEST, bytes(12))
    role.write(message)
    assert message.value(AttributeType.ICE_CONTROLLING) == b"12345678"
    role.renew_tie_breaker()
    assert role.tie_breaker == int.from_bytes(b"87654321", "big")
