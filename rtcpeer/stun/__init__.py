"""Session Traversal Utilities for NAT (RFC 8489), with the attributes of ICE, TURN and NAT behaviour discovery."""

from rtcpeer.stun.attributes import Attribute, AttributeType, ErrorCode, is_comprehension_required
from rtcpeer.stun.credentials import long_term_key, short_term_key, user_hash
from rtcpeer.stun.message import MessageClass, Method, StunMessage, is_stun
from rtcpeer.stun.transaction import Transaction

__all__ = [
    "StunMessage",
    "MessageClass",
    "Method",
    "Attribute",
    "AttributeType",
    "ErrorCode",
    "Transaction",
    "is_stun",
    "is_comprehension_required",
    "short_term_key",
    "long_term_key",
    "user_hash",
]
