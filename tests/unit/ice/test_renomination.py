import pytest

from rtcpeer.errors import InvalidStateError
from rtcpeer.ice import IceParameters, IceSettings
from rtcpeer.ice.renomination import is_agreed, read_nomination
from rtcpeer.stun import AttributeType, MessageClass, Method, StunMessage
from tests.unit.ice.peer import LOCAL, OTHER, PARAMETERS, REMOTE, Peer

KNOWS_IT = IceParameters(PARAMETERS.username_fragment, PARAMETERS.password, options=("trickle", "renomination"))


def request(attribute: int, value: bytes) -> StunMessage:
    message = StunMessage(Method.BINDING, MessageClass.REQUEST, bytes(12))
    message.add(attribute, value)
    return message


@pytest.mark.parametrize("attribute", [0xC001, 0x0030])
@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("00000001", 1), ("00ffffff", 0xFFFFFF), ("01000002", 2), ("00000000", None), ("", None), ("000001", None),
        ("0000000100", None),
    ],
)  # fmt: skip
def test_the_number_has_24_bits_and_zero_is_none(attribute, value, number):
    assert read_nomination(request(attribute, bytes.fromhex(value))) == number


def test_both_sides_have_to_announce_it():
    ours, silent = IceParameters("ours", "x" * 24, options=("renomination",)), IceParameters("ours", "x" * 24)
    assert is_agreed(ours, KNOWS_IT)
    assert not is_agreed(ours, PARAMETERS)
    assert not is_agreed(silent, KNOWS_IT)
    assert not is_agreed(ours, None)


def peer_of(*, is_controlling: bool, remote: IceParameters = KNOWS_IT, **settings) -> Peer:
    peer = Peer(is_controlling=is_controlling, settings=IceSettings(**settings), introduced=False)
    peer.agent.set_remote_parameters(remote)
    return peer


def nominate(peer: Peer, source, number: int | None, attribute: int = AttributeType.NOMINATION) -> None:
    message = peer.request()
    if number is None:
        message.add(AttributeType.USE_CANDIDATE)
    else:
        message.add_uint32(attribute, number)
    peer.send(message, source)
    peer.pull()


class TestControlled:
    def peer(self, **settings) -> Peer:
        peer = peer_of(is_controlling=True, **settings)
        peer.validate(REMOTE, OTHER)
        return peer

    def uses(self, peer: Peer):
        return peer.agent.selected_pair.path[1]

    def test_the_highest_number_wins_whatever_the_priority_and_at_once(self):
        peer = self.peer()
        for number, source in ((1, REMOTE), (2, OTHER), (3, REMOTE), (7, OTHER)):
            nominate(peer, source, number)
            assert self.uses(peer) == source

    def test_a_late_packet_changes_nothing(self):
        peer = self.peer()
        nominate(peer, REMOTE, 5)
        nominate(peer, OTHER, 4)
        nominate(peer, OTHER, 5)
        nominate(peer, OTHER, None)
        peer.advance(4.0)
        assert self.uses(peer) == REMOTE

    def test_a_number_supersedes_a_nomination_without_one(self):
        peer = self.peer()
        nominate(peer, REMOTE, None)
        nominate(peer, OTHER, 1)
        assert self.uses(peer) == OTHER

    def test_a_nomination_of_a_pair_that_is_not_valid_yet_counts_once_it_is(self):
        peer = peer_of(is_controlling=True)
        peer.validate(REMOTE)
        nominate(peer, REMOTE, 1)
        message = peer.request()
        message.add_uint32(AttributeType.NOMINATION, 2)
        peer.send(message, OTHER)
        assert self.uses(peer) == REMOTE
        peer.answer_all()
        assert self.uses(peer) == OTHER

    def test_of_two_such_the_later_counts_in_whatever_order_they_become_valid(self):
        peer = peer_of(is_controlling=True)
        for number, source in ((1, REMOTE), (2, OTHER)):
            message = peer.request()
            message.add_uint32(AttributeType.NOMINATION, number)
            peer.send(message, source)
        checks = {remote: sent for remote, sent in peer.pull() if sent.message_class is MessageClass.REQUEST}
        peer.answer(checks[OTHER], OTHER)
        assert self.uses(peer) == OTHER
        peer.answer(checks[REMOTE], REMOTE)
        assert self.uses(peer) == OTHER

    def test_what_we_have_not_announced_is_a_nomination_like_any_other(self):
        peer = self.peer(renomination=False)
        nominate(peer, REMOTE, 5)
        peer.now += 1.0
        nominate(peer, OTHER, 4)
        peer.advance(3.0)
        assert self.uses(peer) == OTHER

    def test_the_number_of_pion_is_understood(self):
        peer = self.peer()
        nominate(peer, REMOTE, 1, AttributeType.NOMINATION_OF_PION)
        assert self.uses(peer) == REMOTE

    def test_a_new_controlling_side_counts_from_one(self):
        peer = self.peer()
        nominate(peer, REMOTE, 9)
        peer.agent.set_role(True)
        peer.agent.set_role(False)
        nominate(peer, OTHER, 1)
        assert self.uses(peer) == OTHER


class TestControlling:
    def peer(self, remote: IceParameters = KNOWS_IT, **settings) -> Peer:
        peer = peer_of(is_controlling=False, remote=remote, **settings)
        peer.send(peer.request(), REMOTE)
        peer.answer_all()
        peer.advance(1.1)  # peer-reflexive candidates are waited with
        self.answer_nomination(peer, REMOTE)
        peer.send(peer.request(), OTHER)
        peer.answer_all()
        assert peer.agent.selected_pair is peer.pair(REMOTE)
        return peer

    def answer_nomination(self, peer: Peer, source) -> StunMessage:
        sent = [message for remote, message in peer.pull() if AttributeType.USE_CANDIDATE in message]
        assert len(sent) == 1
        peer.answer(sent[0], source)
        return sent[0]

    def test_each_nomination_has_the_next_number(self):
        peer = self.peer()
        for number, source in ((2, OTHER), (3, REMOTE), (4, OTHER)):
            peer.agent.renominate((LOCAL, source))
            assert peer.agent.selected_pair is not peer.pair(source)  # until the peer has answered
            assert self.answer_nomination(peer, source).uint32(AttributeType.NOMINATION) == number
            assert peer.agent.send_path() == (LOCAL, source)

    def test_once_is_enough(self):
        peer = self.peer()
        peer.agent.renominate((LOCAL, REMOTE))
        assert not any(AttributeType.USE_CANDIDATE in message for _, message in peer.pull())
        peer.agent.renominate((LOCAL, OTHER))
        peer.agent.renominate((LOCAL, OTHER))
        self.answer_nomination(peer, OTHER)

    def test_the_attribute_may_be_pions(self):
        peer = self.peer(nomination_attribute=0x0030)
        peer.agent.renominate((LOCAL, OTHER))
        message = self.answer_nomination(peer, OTHER)
        assert message.uint32(0x0030) == 2
        assert AttributeType.NOMINATION not in message

    @pytest.mark.parametrize("ours", [True, False])
    def test_without_agreement_it_is_an_ordinary_nomination(self, ours):
        peer = self.peer(PARAMETERS if ours else KNOWS_IT, renomination=ours)
        peer.agent.renominate((LOCAL, OTHER))
        assert AttributeType.NOMINATION not in self.answer_nomination(peer, OTHER)
        assert peer.agent.send_path() == (LOCAL, OTHER)

    def test_no_answer_leaves_the_selected_pair(self):
        peer = self.peer()
        peer.agent.renominate((LOCAL, OTHER))
        for _ in range(200):
            peer.advance(0.25)
            for remote, message in peer.pull():
                if remote == REMOTE and message.message_class is MessageClass.REQUEST:
                    peer.answer(message, REMOTE)
        assert peer.agent.selected_pair is peer.pair(REMOTE)

    def test_misuse(self):
        peer = self.peer()
        with pytest.raises(InvalidStateError, match="not a valid pair"):
            peer.agent.renominate((LOCAL, LOCAL))
        with pytest.raises(InvalidStateError, match="controlling"):
            TestControlled().peer().agent.renominate((LOCAL, OTHER))
        peer.agent.close()
        with pytest.raises(InvalidStateError, match="closed"):
            peer.agent.renominate((LOCAL, OTHER))


def test_only_the_two_attributes_that_there_are_may_be_set():
    with pytest.raises(ValueError, match="nomination_attribute"):
        IceSettings(nomination_attribute=0xC002)
