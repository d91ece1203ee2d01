"""What the tests of this package have in common."""

from rtcpeer.jsep import DescriptionType, LocalTransport, Negotiation, Wanted
from rtcpeer.sdp import serialize

OFFER, ANSWER = DescriptionType.OFFER, DescriptionType.ANSWER
PRANSWER, ROLLBACK = DescriptionType.PRANSWER, DescriptionType.ROLLBACK
DATA = Wanted(data_channel=True)
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
