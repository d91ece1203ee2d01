"""ICE restarts of whole connections: from either side, at any time, and no message is lost."""

import asyncio
import random

import pytest

from rtcpeer import IceSettings, RTCPeerConnection, Settings
from tests.sim.link import LinkSettings
from tests.sim.loop import run
from tests.sim.nat import PORT_RESTRICTED
from tests.sim.peers import World, connected, exchange, simulated, trickle, until

SERVERS = {"iceServers": [{"urls": "stun:stun.example.org"}]}


class Conversation:
    """Two connected peers, and all that has come in at either of them over one channel."""

    def __init__(self, world: World, a: RTCPeerConnection, b: RTCPeerConnection) -> None:
        self.world, self.a, self.b = world, a, b
        world.a, world.b = a, b
        self.at_a: list[object] = []
        self.at_b: list[object] = []
        self.dtls_states: list[str] = []

    async def begin(self) -> "Conversation":
        trickle(self.a, self.b)
        trickle(self.b, self.a)
        opened = asyncio.get_running_loop().create_future()
        self.b.on("datachannel", opened.set_result)
        self.ours = self.a.createDataChannel("x")
        await exchange(self.a, self.b)
        await connected(self.a, self.b)
        self.theirs = await opened
        await until(lambda: self.ours.readyState == "open" and ice(self.b).state == "completed")
        await asyncio.sleep(0.1)
        self.ours.on("message", self.at_a.append)
        self.theirs.on("message", self.at_b.append)
        for peer in (self.a, self.b):
            peer.sctp.transport.on("statechange", lambda peer=peer: self.dtls_states.append(peer.sctp.transport.state))
        return self

    async def end(self) -> None:
        """Nothing of an earlier generation is left, and nobody noticed above ICE."""
        await until(lambda: all(len(generations(peer)) == 1 for peer in (self.a, self.b)), 40)
        self.ours.send("last")
        self.theirs.send("last")
        await until(lambda: self.at_a[-1:] == self.at_b[-1:] == ["last"])
        assert self.dtls_states == []
        assert [network.open_sockets for network in self.world.networks] == [1] * len(self.world.networks)
        await self.world.close()


async def converse(seed: int = 0, link: LinkSettings | None = None) -> Conversation:
    world = World(seed)
    return await Conversation(world, *(world.pair(link=link) if link else world.pair())).begin()


def ice(peer):
    return peer.sctp.transport.iceTransport


def fragments(peer):
    return ice(peer).getLocalParameters().usernameFragment, ice(peer).getRemoteParameters().usernameFragment


def generations(peer):
    return list(ice(peer)._agent.core.agent._sessions)


def is_settled(a, b):
    """Whether both talk over a pair of the generation that both have now."""
    ours, theirs = (ice(peer).getSelectedCandidatePair() for peer in (a, b))
    return (ours.local.usernameFragment, theirs.local.usernameFragment) == fragments(a) == fragments(b)[::-1]


def states(peer):
    told = []
    peer.on("iceconnectionstatechange", lambda: told.append(peer.iceConnectionState))
    return told


@pytest.mark.parametrize("is_offerer", [True, False])
def test_either_side_restarts_and_a_transfer_goes_on(is_offerer):
    async def main(seed):
        talk = await converse(seed, LinkSettings(delay=0.01, jitter=0.005, loss=0.05, duplication=0.02))
        restarting, other = (talk.a, talk.b) if is_offerer else (talk.b, talk.a)
        dice = random.Random(seed)
        chunks = [dice.randbytes(dice.randrange(1, 20000)) for _ in range(60)]
        for chunk in chunks:
            talk.ours.send(chunk)
            talk.theirs.send(chunk)
        before = fragments(talk.a)
        await asyncio.sleep(dice.random() * 0.3)
        restarting.restartIce()
        await exchange(restarting, other)
        await until(lambda: is_settled(talk.a, talk.b))
        assert not set(before) & set(fragments(talk.a))
        await until(lambda: talk.at_a == talk.at_b == chunks, 300)
        await talk.end()

    for seed in range(8):
        run(main(seed))


@simulated
async def test_while_connected_nothing_is_to_be_seen_but_a_new_gathering():
    talk = await converse()
    a, b = talk.a, talk.b
    gathering, needed = [], []
    told = states(a), states(b)
    a.on("icegatheringstatechange", lambda: gathering.append((a.signalingState, a.iceGatheringState)))
    a.on("negotiationneeded", lambda: needed.append(a.signalingState))
    connection = []
    a.on("connectionstatechange", lambda: connection.append(a.connectionState))
    a.restartIce()
    a.restartIce()
    await asyncio.sleep(0)
    assert needed == ["stable"]
    before = a.currentLocalDescription.sdp
    await a.setLocalDescription()
    assert a.currentLocalDescription.sdp == before
    assert gathering == [("have-local-offer", "gathering")]
    assert "a=candidate" in before
    assert a.pendingLocalDescription.sdp.count("a=ice-ufrag") == 1
    assert fragments(a)[0] in a.pendingLocalDescription.sdp
    assert fragments(a)[0] not in before
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    await until(lambda: is_settled(a, b))
    await asyncio.sleep(1)
    assert told == (["connected", "completed"], ["connected", "completed"])
    assert connection == []
    assert needed == ["stable"]
    assert gathering[1:] == [("stable", "complete")]
    assert fragments(a)[0] in a.currentLocalDescription.sdp
    assert "a=candidate" in a.currentLocalDescription.sdp
    await talk.end()


@simulated
async def test_a_rollback_leaves_everything_as_it_was():
    talk = await converse()
    a, b = talk.a, talk.b
    before, description = fragments(a), a.localDescription.sdp
    needed = []
    a.on("negotiationneeded", lambda: needed.append(a.signalingState))
    a.restartIce()
    await asyncio.sleep(0)
    await a.setLocalDescription()
    assert fragments(a)[0] != before[0]
    talk.ours.send("during")
    await asyncio.sleep(0.5)
    await a.setLocalDescription({"type": "rollback"})
    assert fragments(a) == before
    assert a.localDescription.sdp == description
    assert a.iceGatheringState == "complete"
    await until(lambda: talk.at_b == ["during"])
    await asyncio.sleep(40)  # and consent is asked for as ever
    assert a.iceConnectionState == b.iceConnectionState == "completed"
    assert needed == ["stable", "stable"]  # the wish is not forgotten
    await exchange(a, b)
    await until(lambda: is_settled(a, b))
    assert fragments(a)[0] != before[0]
    await talk.end()


@pytest.mark.parametrize("is_restart", [True, False])
def test_glare_the_polite_side_gives_way_to_a_restart(is_restart):
    """Both offer at once; what one of them has pending, a restart or not, is rolled back for the other's restart."""

    async def main(seed):
        talk = await converse(seed)
        polite, impolite = (talk.a, talk.b) if seed % 2 else (talk.b, talk.a)
        before = fragments(polite)
        needed = []
        if is_restart:
            polite.restartIce()
        impolite.restartIce()
        await asyncio.sleep(0)
        await polite.setLocalDescription()
        await impolite.setLocalDescription()
        lost = fragments(polite)
        polite.on("negotiationneeded", lambda: needed.append(True))
        await polite.setRemoteDescription(impolite.localDescription)
        await polite.setLocalDescription()
        await impolite.setRemoteDescription(polite.localDescription)
        await until(lambda: is_settled(talk.a, talk.b))
        assert fragments(polite)[0] not in {before[0], lost[0]}
        await asyncio.sleep(1)
        assert needed == []  # the answer has replaced the credentials as well
        await talk.end()

    for seed in range(4):
        run(main(seed))


@simulated
async def test_both_sides_may_restart_again_before_the_first_restart_is_through():
    talk = await converse()
    a, b = talk.a, talk.b
    for offerer, answerer in ((a, b), (b, a), (a, b), (a, b)):
        offerer.restartIce()
        await exchange(offerer, answerer)
        assert len(generations(a)) <= 3
    talk.ours.send("x")
    await until(lambda: is_settled(a, b))
    await until(lambda: talk.at_b == ["x"])
    await talk.end()


def test_a_restart_while_checking_connects_all_the_same():
    async def main(seed):
        dice = random.Random(seed)
        world = World(seed)
        world.stun_server()
        a, b = world.peer(SERVERS, nat=PORT_RESTRICTED), world.peer(SERVERS, nat=PORT_RESTRICTED)
        world.a, world.b = a, b
        trickle(a, b, delay=dice.random() * 0.2)
        trickle(b, a, delay=dice.random() * 0.2)
        channel = a.createDataChannel("x")
        await exchange(a, b)
        for _ in range(dice.randrange(1, 4)):
            await asyncio.sleep(dice.random() * 0.15)
            one, other = (a, b) if dice.random() < 0.5 else (b, a)
            one.restartIce()
            await exchange(one, other)
        await connected(a, b)
        await until(lambda: channel.readyState == "open" and is_settled(a, b))
        await world.close()

    for seed in range(20):
        run(main(seed))


@pytest.mark.parametrize("wait", [1, 8, 40, 100])
def test_a_host_with_another_address_is_found_by_a_restart(wait):
    """Before anybody noticed, while disconnected, and after the connection failed; what was sent meanwhile arrives."""

    async def main():
        talk = await converse()
        a, b = talk.a, talk.b
        told, sctp = states(a), []
        a.sctp.on("statechange", lambda: sctp.append(a.sctp.state))
        host = talk.world.networks[0].host
        host.interfaces[0].is_up = False
        host.attach(talk.world.network.internet, "203.0.113.77")
        for number in range(20):
            talk.ours.send(str(number))
            talk.theirs.send(str(number))
        await asyncio.sleep(wait)
        assert a.connectionState == {1: "connected", 8: "disconnected", 40: "failed", 100: "failed"}[wait]
        a.restartIce()
        await exchange(a, b)
        await connected(a, b)
        await until(lambda: talk.at_a == talk.at_b == [str(number) for number in range(20)])
        await until(lambda: a.iceConnectionState == "completed")
        assert ice(a).getSelectedCandidatePair().local.address == "203.0.113.77"
        until_back = told[: told.index("completed") + 1] if "completed" in told else told
        expected = {1: ["connected"], 8: ["disconnected", "checking", "connected"]}
        longest = ["disconnected", "failed", "checking", "connected"]
        assert until_back == [*expected.get(wait, longest), "completed"]
        assert sctp == []
        await talk.end()

    run(main())


@simulated
async def test_a_restart_that_nobody_answers_harms_nothing():
    talk = await converse()
    a, b = talk.a, talk.b
    await a.setLocalDescription(await a.createOffer({"iceRestart": True}))
    await asyncio.sleep(120)
    assert a.connectionState == b.connectionState == "connected"
    talk.ours.send("alive")
    await until(lambda: talk.at_b == ["alive"])
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    await until(lambda: is_settled(a, b))
    await talk.end()


@simulated
async def test_a_restart_that_finds_no_path_leaves_the_one_that_works():
    talk = await converse()
    a, b = talk.a, talk.b
    await a.setLocalDescription(await a.createOffer(iceRestart=True))
    a.remove_all_listeners("icecandidate")
    b.remove_all_listeners("icecandidate")
    offer = a.localDescription.sdp
    fragment = fragments(a)[0].encode()
    for network in talk.world.networks:
        original = network.host.receive

        def receive(source, destination, payloads, original=original):
            if not any(fragment in payload for payload in payloads):
                original(source, destination, payloads)

        network.host.receive = receive
    await b.setRemoteDescription({"type": "offer", "sdp": offer})
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    await asyncio.sleep(120)
    assert a.connectionState == b.connectionState == "connected"
    talk.theirs.send("alive")
    await until(lambda: talk.at_a == ["alive"])
    await talk.world.close()


@simulated
async def test_a_peer_without_fragments_in_its_candidates():
    """As aiortc and GStreamer trickle: what comes after the offer that restarts belongs to that."""
    talk = await converse()
    a, b = talk.a, talk.b
    a.remove_all_listeners("icecandidate")
    told = []
    a.on("icecandidate", told.append)
    await a.setLocalDescription(await a.createOffer(iceRestart=True))
    offer = a.localDescription
    await b.setRemoteDescription(offer)
    await until(lambda: told[-1:] == [None])
    for candidate in told[:-2]:
        line = candidate.candidate.partition(" ufrag")[0]
        await b.addIceCandidate({"candidate": line, "sdpMid": candidate.sdpMid})
    assert len(ice(b).getRemoteCandidates()) == 1
    await b.setLocalDescription()
    assert [one.usernameFragment for one in ice(b).getRemoteCandidates()] == [fragments(a)[0]]
    await a.setRemoteDescription(b.localDescription)
    await until(lambda: is_settled(a, b))
    await talk.end()


@simulated
async def test_candidates_that_overtake_the_offer_count():
    talk = await converse()
    a, b = talk.a, talk.b
    a.remove_all_listeners("icecandidate")
    told = []
    a.on("icecandidate", told.append)
    await a.setLocalDescription(await a.createOffer(iceRestart=True))
    offer = a.localDescription
    await until(lambda: told[-1:] == [None])
    assert "a=candidate" not in offer.sdp
    for candidate in told[:-1]:
        await b.addIceCandidate(candidate.toJSON())
    await b.setRemoteDescription(offer)
    await b.setLocalDescription()
    assert [one.usernameFragment for one in ice(b).getRemoteCandidates()] == [fragments(a)[0]]
    assert told[0].candidate.removeprefix("candidate:") in b.remoteDescription.sdp
    await a.setRemoteDescription(b.localDescription)
    await until(lambda: is_settled(a, b))
    await until(lambda: b.iceConnectionState == "completed")  # the end of candidates has counted too
    await talk.end()


@simulated
async def test_fixed_credentials_are_those_of_the_first_generation():
    world = World()
    fixed = Settings(ice=IceSettings(username_fragment="fixed", password="thePasswordThatIsFixed++"))
    a, b = world.peer(settings=fixed), world.peer()
    await Conversation(world, a, b).begin()
    assert fragments(a)[0] == "fixed"
    a.restartIce()
    await exchange(a, b)
    assert fragments(a)[0] != "fixed"
    await until(lambda: is_settled(a, b))
    await world.close()
