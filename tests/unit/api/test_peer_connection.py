import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from rtcpeer import (
    IceSettings,
    InvalidModificationError,
    InvalidStateError,
    NotSupportedError,
    OperationError,
    RTCError,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCSessionDescription,
    Settings,
)
from rtcpeer.api.remote_candidates import MAX_EARLY
from rtcpeer.errors import InvalidAccessError, SdpSyntaxError
from tests.sim.nat import NatSettings
from tests.sim.peers import World, connected, exchange, simulated, trickle, until

DATA = Path(__file__).parents[2] / "data" / "sdp"
HOST = "candidate:1 1 udp 2130706431 203.0.113.77 5000 typ host"


def record(peer):
    """Every state, as its event tells it."""
    states = []
    for event, attribute in (
        ("signalingstatechange", "signalingState"),
        ("icegatheringstatechange", "iceGatheringState"),
        ("iceconnectionstatechange", "iceConnectionState"),
        ("connectionstatechange", "connectionState"),
    ):
        peer.on(event, lambda attribute=attribute: states.append((attribute, getattr(peer, attribute))))
    return states


def changed(text, old, new):
    assert old in text
    return text.replace(old, new)


@simulated
async def test_states_and_events_from_new_to_closed():
    world = World()
    a, b = world.pair()
    assert (a.signalingState, a.iceGatheringState, a.iceConnectionState, a.connectionState) == (
        "stable",
        "new",
        "new",
        "new",
    )
    assert a.sctp is None
    assert a.localDescription is a.remoteDescription is a.canTrickleIceCandidates is None
    states = record(a)
    channel = a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: channel.readyState == "open")
    await a.close()
    by_attribute = {name: [value for key, value in states if key == name] for name, _ in states}
    assert by_attribute == {
        "signalingState": ["have-local-offer", "stable", "closed"],
        "iceGatheringState": ["gathering", "complete"],
        "iceConnectionState": ["checking", "connected", "completed", "closed"],
        "connectionState": ["connecting", "connected", "closed"],
    }
    assert (a.signalingState, a.iceConnectionState, a.connectionState) == ("closed", "closed", "closed")
    await world.close()


@simulated
async def test_transports_have_their_states_and_the_pair():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await exchange(a, b)
    sctp = a.sctp
    states = []
    sctp.on("statechange", lambda: states.append(sctp.state))
    sctp.transport.on("statechange", lambda: states.append(sctp.transport.state))
    sctp.transport.iceTransport.on("statechange", lambda: states.append(sctp.transport.iceTransport.state))
    selected = []
    sctp.transport.iceTransport.onselectedcandidatepairchange = lambda: selected.append(1)
    assert sctp.state == "connecting"
    assert sctp.maxChannels is None
    assert sctp.transport.iceTransport.getSelectedCandidatePair() is None
    await until(lambda: sctp.state == "connected")
    await until(lambda: sctp.transport.iceTransport.state == "completed")
    assert selected == [1]
    assert [state for state in states if state in {"checking", "completed"}] == ["checking", "completed"]
    assert sctp.maxChannels == 65535
    assert sctp.maxMessageSize == 262144
    ice = sctp.transport.iceTransport
    pair = ice.getSelectedCandidatePair()
    assert (pair.local.address, pair.remote.address) == ("203.0.113.1", "203.0.113.2")
    assert (ice.role, b.sctp.transport.iceTransport.role, ice.component) == ("controlling", "controlled", "rtp")
    assert [one.address for one in ice.getRemoteCandidates()] == ["203.0.113.2"]
    assert ice.getRemoteParameters().usernameFragment == ice.getRemoteCandidates()[0].usernameFragment
    assert len(sctp.transport.getRemoteCertificates()) == 1
    await world.close()
    assert (sctp.state, sctp.transport.state, ice.state) == ("closed", "closed", "closed")


@simulated
async def test_the_pair_in_use_is_known_before_its_nomination_and_followed():
    # The controlling side waits for a better pair than the first that works, over which data flows meanwhile.
    world = World()
    a, b = world.pair(Settings(ice=IceSettings(host_acceptance_wait=2.0)))
    channel = a.createDataChannel("x")
    await exchange(a, b)
    ice = a.sctp.transport.iceTransport
    pairs = []
    ice.on("selectedcandidatepairchange", lambda: pairs.append(ice.getSelectedCandidatePair()))
    await until(lambda: channel.readyState == "open")
    assert ice._agent.core.agent.selected_pair is None
    assert [(pair.local.address, pair.remote.address) for pair in pairs] == [("203.0.113.1", "203.0.113.2")]
    await until(lambda: ice.state == "completed")
    assert ice._agent.core.agent.selected_pair is not None
    assert ice.getSelectedCandidatePair() == pairs[0]
    assert len(pairs) == 1  # to nominate what is in use changes nothing
    await world.close()


@simulated
async def test_set_local_description_with_and_without_argument():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    offer = await a.createOffer()
    assert offer.type == "offer"
    with pytest.raises(InvalidModificationError):
        await a.setLocalDescription(RTCSessionDescription(changed(offer.sdp, "a=mid:0", "a=mid:7"), "offer"))
    await a.setLocalDescription(offer)
    assert a.pendingLocalDescription.type == "offer"
    assert a.currentLocalDescription is None
    assert a.localDescription == a.pendingLocalDescription
    with pytest.raises(InvalidStateError):
        await a.createAnswer()
    with pytest.raises(InvalidStateError):
        await a.setLocalDescription({"type": "answer"})
    await b.setRemoteDescription(a.localDescription.toJSON())
    assert b.signalingState == "have-remote-offer"
    assert b.canTrickleIceCandidates is True
    assert b.pendingRemoteDescription.sdp == a.localDescription.sdp
    with pytest.raises(InvalidStateError):
        await b.createOffer()
    await b.setLocalDescription()
    assert b.currentLocalDescription.type == "answer"
    assert b.pendingLocalDescription is None
    assert b.pendingRemoteDescription is None
    await a.setRemoteDescription(b.localDescription)
    assert a.currentLocalDescription.type == "offer"
    assert a.currentRemoteDescription == a.remoteDescription
    await connected(a, b)
    await world.close()


@pytest.mark.parametrize(
    "bad",
    [{"sdp": "v=0"}, {"type": "answr", "sdp": ""}, "v=0", None, 5, {"type": "offer", "sdp": 5}],
)
def test_what_is_no_description_is_a_type_error(bad):
    @simulated
    async def main():
        world = World()
        a, _ = world.pair()
        with pytest.raises(TypeError):
            await a.setRemoteDescription(bad)
        assert a.signalingState == "stable"
        await world.close()

    main()


@simulated
async def test_a_bad_description_names_the_line_and_changes_nothing():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await a.setLocalDescription()
    good = a.localDescription.sdp
    with pytest.raises(SdpSyntaxError, match="line 3"):
        await b.setRemoteDescription({"type": "offer", "sdp": changed(good, "\r\ns=-", "\r\nnonsense\r\ns=-")})
    bad = changed(good, "typ host", "typ hose")
    line = next(number for number, text in enumerate(bad.splitlines(), 1) if "typ hose" in text)
    with pytest.raises(OperationError, match=f"line {line}") as caught:
        await b.setRemoteDescription({"type": "offer", "sdp": bad})
    assert caught.value.sdpLineNumber == line
    with pytest.raises(InvalidAccessError):
        await b.setRemoteDescription(
            {"type": "offer", "sdp": "\r\n".join(x for x in good.splitlines() if "ice-pwd" not in x) + "\r\n"}
        )
    assert (b.signalingState, b.remoteDescription) == ("stable", None)
    await b.setRemoteDescription({"type": "offer", "sdp": good})
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    await connected(a, b)
    await world.close()


@simulated
async def test_candidates_come_before_the_description_twice_and_in_every_form():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    candidates = []
    a.on("icecandidate", candidates.append)
    await a.setLocalDescription()
    assert "a=candidate" not in a.localDescription.sdp
    offer = a.localDescription
    await until(lambda: None in candidates)
    first, end = candidates[0], candidates[-2]
    # W3C section 4.8.1.2: the end of the generation, for the peer, then None, for ourselves.
    assert end.toJSON() == {**first.toJSON(), "candidate": ""}
    assert [one for one in candidates if one and not one.candidate] == [end]
    assert (first.sdpMid, first.sdpMLineIndex, first.type, first.protocol) == ("0", 0, "host", "udp")
    assert (
        first.usernameFragment == a.sctp.transport.iceTransport.getLocalParameters().usernameFragment
        if a.sctp
        else True
    )
    for _ in range(2):
        await b.addIceCandidate(first)
        await b.addIceCandidate(first.toJSON())
        await b.addIceCandidate(first.candidate)
        await b.addIceCandidate({**first.toJSON(), "candidate": "a=" + first.candidate})
    await b.addIceCandidate(end)
    await b.addIceCandidate(end.toJSON())
    await b.addIceCandidate(None)
    await b.addIceCandidate({**first.toJSON(), "sdpMid": "nobody"})  # known to be wrong only later
    await b.setRemoteDescription(offer)
    shown = b.remoteDescription.sdp
    assert shown.count("a=candidate") == 1
    with pytest.raises(OperationError):
        await b.addIceCandidate({"candidate": HOST, "sdpMid": "nobody"})
    with pytest.raises(OperationError):
        await b.addIceCandidate({"candidate": HOST, "sdpMLineIndex": 1})
    with pytest.raises(OperationError):
        await b.addIceCandidate({"candidate": "candidate:nonsense", "sdpMid": "0"})
    with pytest.raises(TypeError):
        await b.addIceCandidate({"candidate": HOST})
    # Pion's has an empty mid, GStreamer's none.
    await b.addIceCandidate({"candidate": HOST, "sdpMid": "", "sdpMLineIndex": 0})
    await b.addIceCandidate({"candidate": HOST.replace("5000", "5001"), "sdpMid": None, "sdpMLineIndex": 0})
    assert b.remoteDescription.sdp.count("a=candidate") == 3
    assert b.remoteDescription.sdp.count("203.0.113.77 5001") == 1
    await b.setLocalDescription()
    assert b.remoteDescription.sdp.count("a=candidate") == 3
    await a.setRemoteDescription(b.localDescription)
    await connected(a, b)
    assert len(b.sctp.transport.iceTransport.getRemoteCandidates()) == 3
    await world.close()


@simulated
async def test_candidates_of_another_generation_are_ignored():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await exchange(a, b)
    await b.addIceCandidate({"candidate": HOST, "sdpMid": "0", "usernameFragment": "older"})
    await b.addIceCandidate({"candidate": "", "sdpMid": "0", "usernameFragment": "older"})
    ice = b.sctp.transport.iceTransport
    assert [one.address for one in ice.getRemoteCandidates()] == ["203.0.113.1"]
    assert HOST not in b.remoteDescription.sdp
    await world.close()


@simulated
async def test_early_candidates_are_bounded_and_survive_a_rollback():
    world = World()
    a, b = world.pair()
    for number in range(MAX_EARLY):
        await b.addIceCandidate({"candidate": HOST.replace("5000", str(1 + number)), "sdpMid": "0"})
    with pytest.raises(OperationError, match="wait"):
        await b.addIceCandidate({"candidate": HOST, "sdpMid": "0"})
    b.createDataChannel("y")
    await b.setLocalDescription()
    await b.setRemoteDescription({"type": "rollback"})
    a.createDataChannel("x")
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    assert b.remoteDescription.sdp.count("a=candidate") == MAX_EARLY + 1  # its own
    await world.close()


@simulated
async def test_negotiationneeded_fires_once_and_after_the_chain_is_empty():
    world = World()
    a, b = world.pair()
    fired = []
    a.on("negotiationneeded", lambda: fired.append(a.signalingState))
    a.createDataChannel("x")
    a.createDataChannel("y")
    assert fired == []  # never from inside the call
    await asyncio.sleep(0.1)
    assert fired == ["stable"]
    a.createDataChannel("z")
    await asyncio.sleep(0.1)
    assert len(fired) == 1
    await a.setLocalDescription()
    await a.setLocalDescription({"type": "rollback"})
    await asyncio.sleep(0.1)
    assert len(fired) == 2  # what was offered is still to be negotiated
    await exchange(a, b)
    await connected(a, b)
    a.createDataChannel("late")
    await asyncio.sleep(0.1)
    assert len(fired) == 2
    await world.close()


@simulated
async def test_a_peer_that_refuses_data_channels_is_not_asked_for_ever():
    world = World()
    a, _ = world.pair()
    fired, errors = [], []
    a.on("negotiationneeded", lambda: fired.append(1))
    channel = a.createDataChannel("x")
    channel.on("error", errors.append)
    await a.setLocalDescription()
    answer = (
        "v=0\r\no=- 1 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
    )
    await a.setRemoteDescription({"type": "answer", "sdp": answer})
    await asyncio.sleep(1)
    assert a.signalingState == "stable"
    assert fired == []
    assert channel.readyState == "closed"
    assert [type(error) for error in errors] == [RTCError]
    assert a.sctp is None
    await world.close()


@simulated
async def test_rollback_of_a_remote_offer():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    await b.setRemoteDescription({"type": "rollback"})
    assert (b.signalingState, b.remoteDescription, b.canTrickleIceCandidates) == ("stable", None, None)
    await a.setLocalDescription({"type": "rollback"})
    assert (a.signalingState, a.localDescription) == ("stable", None)
    with pytest.raises(InvalidStateError):
        await a.setLocalDescription({"type": "rollback"})
    await exchange(a, b)
    await connected(a, b)
    await world.close()


@simulated
async def test_pranswer_connects():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription({"type": "pranswer", "sdp": (await b.createAnswer()).sdp})
    assert b.signalingState == "have-local-pranswer"
    assert b.pendingLocalDescription.type == "pranswer"
    await a.setRemoteDescription(b.localDescription)
    assert a.signalingState == "have-remote-pranswer"
    await connected(a, b)
    await b.setLocalDescription()
    await a.setRemoteDescription(b.localDescription)
    assert a.signalingState == b.signalingState == "stable"
    await world.close()


@pytest.mark.parametrize("trickle_setting", ["auto", True, False])
@pytest.mark.parametrize("listens", [True, False])
def test_trickle(trickle_setting, listens):
    @simulated
    async def main():
        world = World()
        a = world.peer(
            {"iceServers": [{"urls": "stun:203.0.113.250"}]}, Settings(ice=IceSettings(trickle=trickle_setting))
        )
        world.a, world.b = a, world.peer()
        a.createDataChannel("x")
        if listens:
            a.on("icecandidate", lambda _: None)
        before = asyncio.get_running_loop().time()
        await a.setLocalDescription()
        waited = asyncio.get_running_loop().time() - before
        if trickle_setting is True or (trickle_setting == "auto" and listens):
            assert waited == 0
        else:
            assert 0 < waited <= 1.6  # the server is silent, and does not hold up the offer
            assert "a=candidate" in a.localDescription.sdp
        await a.gathered()
        assert "a=candidate" in a.localDescription.sdp
        await until(lambda: a.iceGatheringState == "complete", 6)
        assert "a=end-of-candidates" in a.localDescription.sdp
        await world.close()

    main()


@simulated
async def test_gathered_has_a_timeout_and_an_end_before_it_began():
    world = World()
    a = world.peer({"iceServers": [{"urls": "stun:203.0.113.250"}]}, Settings(ice=IceSettings(trickle=True)))
    world.a, world.b = a, world.peer()
    assert await a.gathered() is None
    a.createDataChannel("x")
    await a.setLocalDescription()
    before = asyncio.get_running_loop().time()
    assert "a=candidate" in (await a.gathered(timeout=0.1)).sdp
    assert asyncio.get_running_loop().time() - before == pytest.approx(0.1)
    await world.close()


@simulated
async def test_gathered_waits_until_the_program_has_what_it_wants():
    world = World()
    world.stun_server()
    settings = Settings(ice=IceSettings(trickle=True, bulk_patience=0.01))
    a = world.peer(
        {"iceServers": [{"urls": "stun:stun.example.org"}, {"urls": "stun:203.0.113.250"}]}, settings, nat=NatSettings()
    )
    world.a, world.b = a, world.peer()
    a.createDataChannel("x")
    await a.setLocalDescription()
    asked = []

    def has_reflexive(candidates):
        asked.append([one.type for one in candidates])
        return any(one.type == "srflx" for one in candidates)

    description = await a.gathered(until=has_reflexive)
    assert "typ srflx" in description.sdp
    assert a.iceGatheringState == "gathering"  # the other server is silent
    assert asked[-1] == ["host", "srflx"]
    assert [] not in asked[1:]
    before = asyncio.get_running_loop().time()
    await a.gathered(timeout=0.1, until=lambda _: False)
    assert asyncio.get_running_loop().time() - before == pytest.approx(0.1)
    await a.gathered(until=lambda _: False)  # nothing more will come
    assert a.iceGatheringState == "complete"
    await world.close()


@simulated
async def test_random_bytes_come_from_where_the_program_says():
    seen = []
    for _ in range(2):
        world = World("one seed")
        a, b = world.pair()
        a.createDataChannel("x")
        await exchange(a, b)
        parameters = a.sctp.transport.iceTransport.getLocalParameters()
        origin = a.localDescription.sdp.split()[2]
        association = a.sctp._channels.association._endpoint.opening
        seen.append((parameters, origin, association.local_tag, association.local_initial_tsn))
        await world.close()
    assert seen[0] == seen[1]


@simulated
async def test_another_certificate_of_the_peer_is_refused_and_harms_nothing():
    world = World()
    a, b = world.pair()
    received = []
    b.on("datachannel", lambda channel: channel.on("message", received.append))
    channel = a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    before = b.remoteDescription
    offer = await a.createOffer()
    with pytest.raises(NotSupportedError, match="certificate"):
        await b.setRemoteDescription(
            {
                "type": "offer",
                "sdp": changed(
                    offer.sdp, "a=fingerprint:sha-256 ", "a=fingerprint:sha-256 " + "AA:" * 31 + "AA\r\na=x:"
                ),
            }
        )
    assert b.signalingState == "stable"
    assert b.remoteDescription == before
    await until(lambda: channel.readyState == "open")
    channel.send("still there")
    await until(lambda: received == ["still there"])
    await exchange(a, b)
    await world.close()


@simulated
async def test_a_second_negotiation_keeps_the_connection_and_the_roles():
    world = World()
    a, b = world.pair()
    received = []
    b.on("datachannel", lambda channel: channel.on("message", received.append))
    channel = a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    ice, dtls = a.sctp.transport.iceTransport, a.sctp.transport
    remembered = (ice.getLocalParameters(), ice.getRemoteParameters(), ice.role, dtls.getRemoteCertificates())
    states = record(a)
    for offerer, answerer in ((b, a), (a, b), (b, a)):
        await exchange(offerer, answerer)
    await asyncio.sleep(1)
    assert {name for name, _ in states} == {"signalingState"}
    assert (ice.getLocalParameters(), ice.getRemoteParameters(), ice.role, dtls.getRemoteCertificates()) == remembered
    await until(lambda: channel.readyState == "open")
    channel.send("hello")
    await until(lambda: received == ["hello"])
    await world.close()


@simulated
async def test_a_settled_role_conflict_is_not_undone_by_the_next_exchange():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    core = a.sctp.transport.iceTransport._agent.core.agent
    core.set_role(False)  # as after a conflict
    await exchange(b, a)
    assert core.is_controlling is False
    await world.close()


@simulated
async def test_a_wrong_fingerprint_fails_and_says_why():
    world = World()
    a, b = world.pair()
    errors, channel_errors = [], []
    channel = a.createDataChannel("x")
    channel.on("error", channel_errors.append)
    await a.setLocalDescription()
    await b.setRemoteDescription(a.localDescription)
    await b.setLocalDescription()
    sdp = b.localDescription.sdp
    right = sdp.partition("a=fingerprint:sha-256 ")[2][:95]
    await a.setRemoteDescription({"type": "answer", "sdp": changed(sdp, right, "00:" * 31 + "00")})
    a.sctp.transport.on("error", errors.append)
    await until(lambda: a.connectionState == "failed")
    assert a.sctp.transport.state == "failed"
    assert [error.errorDetail for error in errors] == ["fingerprint-failure"]
    assert "fingerprint" in str(errors[0])
    assert channel_errors == errors
    assert channel.readyState == "closed"
    await until(lambda: b.connectionState == "failed")
    await world.close()


@simulated
async def test_the_peer_closes():
    world = World()
    a, b = world.pair()
    remote = []
    b.on("datachannel", remote.append)
    channel = a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: remote and channel.readyState == "open")
    told, own = [], []
    channel.on("error", lambda error: told.append((error.errorDetail, error.sctpCauseCode, str(error))))
    channel.on("close", lambda: told.append("close"))
    for event in ("error", "close"):
        remote[0].on(event, lambda *_, event=event: own.append(event))
    await b.close()
    assert own == ["close"]
    await until(lambda: channel.readyState == "closed", 1)
    assert told == [("sctp-failure", 12, "User-Initiated Abort, reason=Close called"), "close"]
    assert a.sctp.state == a.sctp.transport.state == "closed"
    # W3C section 4.3.3: closed DTLS transports over connected ICE are "connected"; ICE notices that nobody is there.
    assert a.connectionState == "connected"
    await until(lambda: a.connectionState == "disconnected", 8)
    await until(lambda: a.connectionState == "failed", 40)
    with pytest.raises(InvalidStateError):
        a.createDataChannel("y")
    await world.close()


async def _nothing(world):
    pass


async def _have_offer(world):
    world.a.createDataChannel("x")
    await world.a.setLocalDescription()


async def _gathering(world):
    world.a.createDataChannel("x")
    world.a.on("icecandidate", lambda _: None)
    await world.a.setLocalDescription()


async def _checking(world):
    world.a.createDataChannel("x")
    await exchange(world.a, world.b)


async def _handshaking(world):
    await _checking(world)
    await until(lambda: world.a.iceConnectionState == "connected")


async def _open(world):
    await _checking(world)
    await connected(world.a, world.b)


async def _failed(world):
    await _open(world)
    world.networks[1].host.kill()
    await until(lambda: world.a.connectionState == "failed")


@pytest.mark.parametrize("arrive", [_nothing, _have_offer, _gathering, _checking, _handshaking, _open, _failed])
def test_close_in_every_state_leaves_nothing(arrive):
    @simulated
    async def main():
        world = World()
        world.stun_server()
        world.pair()
        await arrive(world)
        before = asyncio.get_running_loop().time()
        first, second = world.a.close(), world.a.close()
        assert world.a.connectionState == "closed"
        await asyncio.gather(first, second, world.a.close())
        assert asyncio.get_running_loop().time() - before < 1
        for call in (
            world.a.createOffer,
            world.a.createAnswer,
            world.a.setLocalDescription,
            world.a.addIceCandidate,
            lambda: world.a.setRemoteDescription({"type": "rollback"}),
        ):
            with pytest.raises(InvalidStateError):
                await call()
        with pytest.raises(InvalidStateError):
            world.a.createDataChannel("y")
        await world.close()

    main()


@simulated
async def test_close_from_handlers_as_a_task_and_cancelled():
    world = World()
    a, b = world.pair()
    channel = a.createDataChannel("x")
    b.on("datachannel", lambda channel: channel.on("message", lambda _: b.close()))
    channel.on("open", lambda: [channel.send("one"), channel.send("two")])
    closed = []

    @a.on("connectionstatechange")
    async def on_state():
        if a.connectionState in {"disconnected", "failed"}:
            await a.close()
            closed.append(a.connectionState)

    await exchange(a, b)
    await until(lambda: b.connectionState == "closed")
    await until(lambda: closed, 60)
    task = asyncio.create_task(a.close())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.create_task(a.close())
    await asyncio.wait_for(a.close(), 1)
    await world.close()


@simulated
async def test_handlers_that_fail_keep_nothing_open():
    world = World()
    a, b = world.pair()
    problems = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["exception"]))

    def fail(*_):
        raise ZeroDivisionError

    for peer in (a, b):
        for event in ("signalingstatechange", "connectionstatechange", "iceconnectionstatechange", "datachannel"):
            peer.on(event, fail)
    channel = a.createDataChannel("x")
    channel.on("open", fail)
    channel.on("close", fail)
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: channel.readyState == "open")
    await world.close()
    assert len(problems) > 10
    assert {type(problem) for problem in problems} == {ZeroDivisionError}


@simulated
async def test_operations_waiting_when_the_connection_closes():
    world = World()
    a, _ = world.pair()
    a.createDataChannel("x")
    waiting = [asyncio.ensure_future(a.createOffer()) for _ in range(3)]
    waiting.append(asyncio.ensure_future(a.setLocalDescription()))
    results = asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0)
    await a.close()
    assert all(isinstance(result, RTCSessionDescription | InvalidStateError | None) for result in await results)
    assert any(isinstance(result, InvalidStateError) for result in await results)
    await world.close()


@simulated
async def test_closing_ends_the_wait_for_candidates():
    world = World()
    a = world.peer({"iceServers": [{"urls": "stun:203.0.113.250"}]})
    world.a, world.b = a, world.peer()
    a.createDataChannel("x")
    waiting = asyncio.ensure_future(a.setLocalDescription())
    await asyncio.sleep(0.1)
    await a.close()
    with pytest.raises(InvalidStateError):
        await waiting
    await world.close()


@simulated
async def test_configuration_and_context_manager():
    world = World()
    world.pair()
    async with RTCPeerConnection({"iceServers": [{"urls": "stun:x"}]}, network=world.host()) as peer:
        assert peer.getConfiguration().iceServers[0].urls == "stun:x"
    assert peer.connectionState == "closed"
    await world.close()


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*-offer-*.sdp")))
def test_real_offers_are_answered_in_order(name):
    @simulated
    async def main():
        world = World()
        a, _ = world.pair()
        offer = (DATA / name).read_text()
        await a.setRemoteDescription({"type": "offer", "sdp": offer})
        await a.setLocalDescription()
        kinds = [line.split()[0] for line in offer.splitlines() if line.startswith("m=")]
        answered = [line.split() for line in a.localDescription.sdp.splitlines() if line.startswith("m=")]
        assert [fields[0] for fields in answered] == kinds
        assert "0" not in {fields[1] for fields in answered}
        assert [each.kind for each in a.getTransceivers()] == [kind[2:] for kind in kinds if kind != "m=application"]
        assert a.signalingState == "stable"
        assert (a.sctp is not None) == ("m=application" in kinds)
        await world.close()

    main()


@pytest.mark.parametrize("rounds", range(3))
def test_perfect_negotiation_under_glare(rounds):
    @simulated
    async def main():
        import random

        dice = random.Random(rounds)
        world = World(rounds)
        a, b = world.pair()
        mailboxes = [asyncio.Queue(), asyncio.Queue()]
        tasks = [
            asyncio.create_task(negotiate(peer, mailboxes[index], mailboxes[1 - index], dice, is_polite=bool(index)))
            for index, peer in enumerate((a, b))
        ]
        arrived = []
        for peer in (a, b):
            peer.on("datachannel", lambda channel: arrived.append(channel.label))
        for index, peer in enumerate((a, b)):
            peer.createDataChannel(f"from {index}")
        await until(lambda: sorted(arrived) == ["from 0", "from 1"])
        for _ in range(15):  # both at once, each in its own mood
            for peer in (a, b):
                if dice.random() < 0.7:
                    peer.emit("negotiationneeded")
            await asyncio.sleep(dice.random() * 0.2)
        await asyncio.sleep(5)
        assert a.signalingState == b.signalingState == "stable"
        assert a.connectionState == b.connectionState == "connected"
        assert a.sctp.transport.iceTransport.role != b.sctp.transport.iceTransport.role
        await world.close()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)

    main()


async def negotiate(peer, inbox, outbox, dice, *, is_polite):
    """W3C webrtc-pc section 10.7, as it stands there."""
    making_offer = ignoring_offer = False

    def send(message):
        asyncio.get_running_loop().call_later(0.02, outbox.put_nowait, message)

    async def on_needed():
        nonlocal making_offer
        try:
            making_offer = True
            await asyncio.sleep(dice.random() * 0.05)
            if peer.signalingState == "stable":
                await peer.setLocalDescription()
                send(peer.localDescription)
        finally:
            making_offer = False

    peer.on("negotiationneeded", on_needed)
    peer.on("icecandidate", lambda candidate: send(candidate and candidate.toJSON()))
    while True:
        message = await inbox.get()
        if isinstance(message, RTCSessionDescription):
            collides = message.type == "offer" and (making_offer or peer.signalingState != "stable")
            ignoring_offer = not is_polite and collides
            if ignoring_offer:
                continue
            await peer.setRemoteDescription(message)
            if message.type == "offer":
                await peer.setLocalDescription()
                send(peer.localDescription)
        else:
            try:
                await peer.addIceCandidate(message)
            except OperationError:
                if not ignoring_offer:
                    raise


@simulated
async def test_trickling_both_ways():
    world = World()
    a, b = world.pair()
    trickle(a, b)
    trickle(b, a)
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await world.close()


@simulated
async def test_relay_only_without_relay_fails_and_gives_no_candidate():
    world = World()
    a = world.peer({"iceTransportPolicy": "relay"}, Settings(ice=replace(IceSettings(), patience=1)))
    world.a, world.b = a, world.peer()
    a.createDataChannel("x")
    await exchange(a, world.b)
    assert "a=candidate" not in a.localDescription.sdp
    await until(lambda: a.connectionState == "failed", 60)
    await world.close()


@simulated
async def test_a_server_that_fails_is_an_event():
    world = World()
    a = world.peer(
        {"iceServers": [{"urls": ["stun:nobody.example.org", "turn:x"], "username": "u", "credential": "c"}]}
    )
    world.a, world.b = a, world.peer()
    errors = []
    a.on("icecandidateerror", errors.append)
    a.createDataChannel("x")
    await a.setLocalDescription()
    assert [(error.url, error.errorCode) for error in sorted(errors, key=lambda error: error.url)] == [
        ("stun:nobody.example.org", 701),
        ("turn:x", 701),
    ]
    await world.close()


def test_a_candidate_object_is_taken_as_it_is():
    @simulated
    async def main():
        world = World()
        _, b = world.pair()
        await b.addIceCandidate(RTCIceCandidate(HOST, sdpMid="0"))
        with pytest.raises(TypeError):
            await b.addIceCandidate(RTCIceCandidate(HOST))
        await world.close()

    main()
