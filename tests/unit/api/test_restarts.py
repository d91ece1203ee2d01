"""Peer connections that restart ICE: what stands in descriptions, when it is asked for, and what refuses."""

import asyncio
import re

import pytest

from rtcpeer import (
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    RTCCertificate,
    RTCConfiguration,
    RTCPeerConnection,
)
from rtcpeer.errors import SyntaxError as RTCSyntaxError
from tests.sim.peers import World, connected, exchange, simulated, trickle, until

STUN = {"iceServers": [{"urls": "stun:stun.example.org"}]}


def credentials(description):
    return re.findall(r"a=ice-(?:ufrag|pwd):(\S+)", description.sdp)


async def connect(world):
    a, b = world.pair()
    trickle(a, b)
    trickle(b, a)
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    return a, b


@simulated
async def test_only_an_offer_that_restarts_has_new_credentials():
    world = World()
    a, _ = await connect(world)
    before = credentials(a.localDescription)
    assert credentials(await a.createOffer()) == before
    assert credentials(await a.createOffer({"iceRestart": False})) == before
    for offer in (await a.createOffer({"iceRestart": True}), await a.createOffer(iceRestart=True)):
        assert not set(credentials(offer)) & set(before)
        assert "a=candidate" not in offer.sdp
    assert credentials(a.localDescription) == before  # as long as none of them is set
    await world.close()


@simulated
async def test_without_a_description_there_is_nothing_to_restart():
    world = World()
    a, _ = world.pair()
    needed = []
    a.on("negotiationneeded", lambda: needed.append(True))
    a.restartIce()
    await asyncio.sleep(0)
    assert needed == []
    a.createDataChannel("x")
    before = credentials(await a.createOffer())
    assert credentials(await a.createOffer(iceRestart=True)) == before
    await world.close()
    a.restartIce()  # closed, it does nothing
    with pytest.raises(InvalidStateError):
        a.setConfiguration({})


@simulated
async def test_a_request_during_our_own_offer_waits_for_its_answer():
    world = World()
    a, b = await connect(world)
    needed = []
    a.on("negotiationneeded", lambda: needed.append(a.signalingState))
    await a.setLocalDescription()
    a.restartIce()
    await asyncio.sleep(1)
    assert needed == []
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    await asyncio.sleep(0)
    assert needed == ["stable"]
    await exchange(a, b)
    await asyncio.sleep(1)
    assert needed == ["stable"]
    await world.close()


@simulated
async def test_an_answer_restarts_only_what_the_offer_has_restarted():
    world = World()
    a, b = await connect(world)
    before = credentials(b.localDescription)
    await exchange(a, b)
    assert credentials(b.localDescription) == before
    await a.setLocalDescription(await a.createOffer(iceRestart=True))
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    assert not set(credentials(b.localDescription)) & set(before)
    await world.close()


@simulated
async def test_an_answer_that_restarts_by_itself_is_refused_and_harms_nothing():
    world = World()
    a, b = await connect(world)
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    ufrag, _ = credentials(b.localDescription)
    answer = b.localDescription.sdp.replace(f"a=ice-ufrag:{ufrag}", "a=ice-ufrag:another")
    with pytest.raises(InvalidAccessError, match="restarts ICE"):
        await a.setRemoteDescription({"type": "answer", "sdp": answer})
    assert a.signalingState == "have-local-offer"
    await a.setRemoteDescription(b.localDescription)
    assert a.connectionState == "connected"
    await world.close()


@simulated
async def test_a_peer_that_keeps_its_credentials_is_connected_to_all_the_same():
    world = World()
    a, b = await connect(world)
    agent = b.sctp.transport.iceTransport._agent
    offer = await a.createOffer(iceRestart=True)
    await a.setLocalDescription(offer)
    await until(lambda: a.iceGatheringState == "complete")
    before = credentials(b.localDescription)
    # As if b answered the restart, but with what it had.
    parameters = agent.local_parameters
    await b.setRemoteDescription(a.localDescription)
    b._transports.first._prepared = parameters
    answer = await b.createAnswer()
    assert credentials(answer) == before
    await a.setRemoteDescription(answer)
    assert a.signalingState == "stable"
    await asyncio.sleep(0.1)
    await world.close()


@simulated
async def test_provisional_answers_restart_once():
    world = World()
    a, b = await connect(world)
    await a.setLocalDescription(await a.createOffer(iceRestart=True))
    await b.setRemoteDescription(a.localDescription)
    answer = await b.createAnswer()
    await b.setLocalDescription({"type": "pranswer", "sdp": answer.sdp})
    await a.setRemoteDescription({"type": "pranswer", "sdp": answer.sdp})
    final = await b.createAnswer()
    assert credentials(final) == credentials(answer)
    await b.setLocalDescription(final)
    await a.setRemoteDescription(final)
    ice = a.sctp.transport.iceTransport
    await until(lambda: ice.getSelectedCandidatePair().local.usernameFragment == credentials(a.localDescription)[0])
    await world.close()


@simulated
async def test_set_configuration_before_the_first_description():
    world = World()
    world.stun_server()
    a, b = world.pair()
    a.createDataChannel("x")
    offer = await a.createOffer()
    a.setConfiguration(STUN)
    assert a.getConfiguration() == RTCConfiguration(**STUN)
    await a.setLocalDescription(offer)  # whose credentials hold
    assert a.sctp is None
    await a.gathered(until=lambda candidates: False)
    assert a._transports.first.gatherer._agent.servers[0].host == "stun.example.org"
    assert credentials(a.localDescription) == credentials(offer)
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    await connected(a, b)
    await world.close()


@simulated
async def test_other_servers_or_another_policy_take_effect_with_the_next_offer():
    world = World()
    a, _ = await connect(world)
    needed = []
    a.on("negotiationneeded", lambda: needed.append(True))
    before = credentials(a.localDescription)
    a.setConfiguration({})
    assert credentials(await a.createOffer()) == before
    a.setConfiguration({"iceTransportPolicy": "relay"})
    await asyncio.sleep(1)
    assert needed == []  # nobody asked for it
    await a.setLocalDescription()
    assert not set(credentials(a.localDescription)) & set(before)
    await until(lambda: a.iceGatheringState == "complete")
    assert a.sctp.transport.iceTransport.getLocalCandidates() == []
    restarted = credentials(a.localDescription)
    assert credentials(await a.createOffer()) == restarted
    await asyncio.sleep(0.1)
    await world.close()


@simulated
async def test_set_configuration_refuses_what_can_not_change():
    world = World()
    a, _ = world.pair()
    before = a.getConfiguration()
    with pytest.raises(InvalidModificationError, match="bundlePolicy"):
        a.setConfiguration({"bundlePolicy": "max-bundle"})
    with pytest.raises(InvalidModificationError, match="certificates"):
        a.setConfiguration({"certificates": [RTCCertificate.generateCertificate()]})
    with pytest.raises(RTCSyntaxError):
        a.setConfiguration({"iceServers": [{"urls": "http://example.org"}]})
    with pytest.raises(InvalidAccessError):
        a.setConfiguration({"iceServers": [{"urls": "turn:example.org"}]})
    with pytest.raises(TypeError):
        a.setConfiguration({"iceTransportPolicy": "none"})
    assert a.getConfiguration() is before
    a.setConfiguration({"iceCandidatePoolSize": 0})
    a.createDataChannel("x")
    await a.setLocalDescription()
    with pytest.raises(InvalidModificationError, match="iceCandidatePoolSize"):
        a.setConfiguration({"iceCandidatePoolSize": 1})
    await world.close()


@simulated
async def test_own_certificates_stay_when_a_configuration_names_none():
    world = World()
    certificate = RTCCertificate.generateCertificate()
    a, b = world.peer({"certificates": [certificate]}), world.peer()
    world.a, world.b = a, b
    a.setConfiguration({})
    assert a.getConfiguration().certificates == (certificate,)
    a.setConfiguration({"certificates": [certificate]})
    await world.close()


@simulated
async def test_a_pool_gathers_ahead_and_tells_nothing():
    world = World()
    world.stun_server()
    a, b = world.peer({**STUN, "iceCandidatePoolSize": 3}), world.peer()
    world.a, world.b = a, b
    events = []
    a.on("icegatheringstatechange", lambda: events.append(a.iceGatheringState))
    a.on("icecandidate", lambda candidate: events.append(candidate and bool(candidate.candidate)))
    a.createDataChannel("x")
    await asyncio.sleep(3)
    assert world.networks[0].open_sockets == 1
    assert events == []
    assert a.iceGatheringState == "new"
    offer = await a.createOffer()
    assert "a=candidate" not in offer.sdp
    await a.setLocalDescription(offer)
    assert events == ["gathering", True, False, "complete", None]  # at once: all were there
    assert "a=candidate" in a.localDescription.sdp
    await world.close()


@simulated
async def test_a_pool_may_be_wanted_later_and_asks_the_servers_that_there_are_then():
    world = World()
    world.stun_server()
    a, b = world.pair()
    a.setConfiguration({"iceCandidatePoolSize": 1})
    await asyncio.sleep(1)
    assert world.networks[0].open_sockets == 1
    a.setConfiguration({**STUN, "iceCandidatePoolSize": 1})
    events = []
    a.on("icegatheringstatechange", lambda: events.append(a.iceGatheringState))
    await asyncio.sleep(1)
    assert world.networks[0].open_sockets == 1
    assert events == []
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await world.close()


def test_a_pool_without_a_loop_waits_for_the_description():
    assert RTCPeerConnection({"iceCandidatePoolSize": 1}).iceGatheringState == "new"
