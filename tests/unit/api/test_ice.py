import asyncio

import pytest

from rtcpeer import IceSettings, OperationError, RTCIceCandidate, RTCIceGatherer, RTCIceTransport
from tests.sim.peers import World, simulated, until

LINE = (
    "candidate:842163049 1 tcp 1677729535 203.0.113.5 9 typ srflx raddr 10.0.0.1 rport 44323 tcptype active "
    "generation 0 ufrag EsAw network-cost 999"
)


def test_every_attribute_of_the_w3c():
    candidate = RTCIceCandidate({"candidate": LINE, "sdpMid": "0", "sdpMLineIndex": 0})
    shown = {
        name: getattr(candidate, name)
        for name in [
            "foundation",
            "component",
            "priority",
            "address",
            "protocol",
            "port",
            "type",
            "tcpType",
            "relatedAddress",
            "relatedPort",
            "usernameFragment",
            "relayProtocol",
            "url",
            "sdpMid",
            "sdpMLineIndex",
        ]
    }
    assert shown == {
        "foundation": "842163049",
        "component": "rtp",
        "priority": 1677729535,
        "address": "203.0.113.5",
        "protocol": "tcp",
        "port": 9,
        "type": "srflx",
        "tcpType": "active",
        "relatedAddress": "10.0.0.1",
        "relatedPort": 44323,
        "usernameFragment": "EsAw",
        "relayProtocol": None,
        "url": None,
        "sdpMid": "0",
        "sdpMLineIndex": 0,
    }
    assert set(candidate.toJSON()) == {"candidate", "sdpMid", "sdpMLineIndex", "usernameFragment"}
    assert RTCIceCandidate(candidate.toJSON()) == candidate == RTCIceCandidate(**candidate.toJSON())
    assert hash(RTCIceCandidate(candidate.toJSON())) == hash(candidate)
    assert candidate != 5


def test_the_empty_candidate_has_no_attributes():
    candidate = RTCIceCandidate()
    assert (candidate.candidate, candidate.address, candidate.port, candidate.type) == ("", None, None, None)


@pytest.mark.parametrize(
    "line", ["x", "candidate:", LINE.replace("typ", "tpy"), LINE.replace("203.0.113.5 9", "203.0.113.5 x")]
)
def test_malformed_lines(line):
    with pytest.raises(OperationError):
        RTCIceCandidate(line, sdpMid="0")


def test_aiortcs_keywords_are_checked():
    parts = {"component": 1, "foundation": "1", "ip": "1.2.3.4", "port": 1, "priority": 1, "protocol": "udp"}
    assert RTCIceCandidate(**parts, type="host").address == "1.2.3.4"
    with pytest.raises(OperationError):
        RTCIceCandidate(**parts, type="hose")
    with pytest.raises(TypeError):
        RTCIceCandidate(**parts, type="host", colour="red")
    with pytest.raises(TypeError):
        RTCIceCandidate(**parts)


@simulated
async def test_ortc_without_a_peer_connection():
    world = World()
    gatherers = [RTCIceGatherer(network=world.host()) for _ in range(2)]
    gatherers[0].gather()  # before there is a transport
    transports = [RTCIceTransport(gatherer) for gatherer in gatherers]
    states, ends = [], []
    transports[0].on("statechange", lambda: states.append(transports[0].state))
    for index in range(2):
        gatherers[index].on("localcandidate", transports[1 - index].addRemoteCandidate)
        gatherers[index].on("localcandidate", lambda candidate: candidate or ends.append(1))
        gatherers[index].gather()
    transports[0].start(gatherers[1].getLocalParameters(), "controlling")
    transports[1].start(gatherers[0].getLocalParameters())
    await until(lambda: all(transport.state == "completed" for transport in transports))
    assert states == ["checking", "connected", "completed"]
    assert len(ends) == 2
    assert transports[1].getSelectedCandidatePair().remote.address == "203.0.113.1"
    await asyncio.gather(*(transport.stop() for transport in transports))
    await gatherers[0].close()
    assert [network.open_sockets for network in world.networks] == [0, 0]
    assert transports[0].state == "closed"


@pytest.mark.parametrize(("settings", "is_told"), [({}, True), ({"mdns": "query_and_gather"}, False)])
def test_an_error_tells_no_address_that_no_candidate_has_told(settings, is_told):
    @simulated
    async def main():
        world = World()
        gatherer = RTCIceGatherer(["stun:203.0.113.250"], IceSettings(**settings), network=world.host())
        errors = []
        gatherer.on("error", errors.append)
        gatherer.gather()
        await until(lambda: gatherer.state == "complete")
        (error,) = errors
        assert (error.url, error.errorCode) == ("stun:203.0.113.250", 701)
        assert "did not answer" in error.errorText
        assert (error.address, error.port) == (("203.0.113.1", 49152) if is_told else (None, None))
        await gatherer.close()

    main()
