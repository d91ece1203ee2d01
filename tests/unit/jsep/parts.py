"""What the tests of this package have in common."""

from rtcpeer.jsep import (
    DescriptionType,
    LocalTransport,
    MediaCapabilities,
    Negotiation,
    NegotiationSettings,
    TransceiverWish,
    Wanted,
)
from rtcpeer.rtp.parameters import EncodingParameters
from rtcpeer.sdp import parse, serialize
from rtcpeer.sdp.transport import Direction

OFFER, ANSWER = DescriptionType.OFFER, DescriptionType.ANSWER
PRANSWER, ROLLBACK = DescriptionType.PRANSWER, DescriptionType.ROLLBACK
SENDRECV, SENDONLY, RECVONLY, INACTIVE = Direction
DATA = Wanted(data_channel=True)
NOTHING = Wanted()
NO_MEDIA = NegotiationSettings(capabilities=MediaCapabilities())
LOCAL = LocalTransport("ourfrag1", "ourpassword1ourpassword1", (("sha-256", "AA:BB"),))
OTHER = LocalTransport("theirfr1", "theirpassword1theirpasswd", (("sha-256", "CC:DD"),))
RESTARTED = LocalTransport("ourfrag2", "ourpassword2ourpassword2", (("sha-256", "AA:BB"),))


def offered(local=LOCAL):
    """A negotiation of ours with its offer set, and the text of that offer."""
    negotiation = Negotiation("1")
    text = serialize(negotiation.create_offer(DATA, local))
    negotiation.set_local(OFFER, text)
    return negotiation, text


def answer(negotiation, offer, local=OTHER):
    """Let a negotiation answer; gives the text of the answer and what setting it applied."""
    negotiation.set_remote(OFFER, offer)
    text = serialize(negotiation.create_answer(local))
    return text, negotiation.set_local(ANSWER, text)


def connected():
    """Two negotiations of ours with each other, the first of which offered."""
    first, offer = offered()
    second = Negotiation("2")
    text, _ = answer(second, offer)
    first.set_remote(ANSWER, text)
    return first, second


def wish(key, kind="video", direction=SENDRECV, **changes):
    """A transceiver that addTrack has made."""
    usual = {
        "stream_ids": ("stream",),
        "track_id": f"track{key}",
        "encodings": (EncodingParameters(1000 + abs(key), 2000 + abs(key)),),
        "is_from_add_track": True,
    }
    return TransceiverWish(key, kind, direction, **(usual | changes))


def simulcast(key, *rids, **changes):
    """A transceiver that sends several encodings."""
    encodings = tuple(EncodingParameters(100 + index, 200 + index, rid) for index, rid in enumerate(rids))
    return wish(key, encodings=encodings, **changes)


def wanted(*wishes, data_channel=False):
    return Wanted(data_channel, wishes, cname="cname")


def exchange(offerer, answerer, offered, answered=NOTHING):
    """A whole offer and answer; what setting the answer applied on both sides."""
    offer = serialize(offerer.create_offer(offered, LOCAL))
    offerer.set_local(OFFER, offer)
    answerer.set_remote(OFFER, offer, answered)
    text = serialize(answerer.create_answer(OTHER, answered))
    second = answerer.set_local(ANSWER, text)
    return offerer.set_remote(ANSWER, text), second


def section(description, index=0):
    """One m-section of a description or of its text."""
    return (parse(description) if isinstance(description, str) else description).media[index]


def values(media, name):
    return [attribute.value for attribute in media.attributes.named(name)]
