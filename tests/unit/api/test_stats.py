import asyncio
import base64
import dataclasses
import time

import pytest

from rtcpeer import IceSettings, InvalidAccessError, RTCIceGatherer, RTCIceTransport, Settings
from rtcpeer.dtls.certificate import fingerprint_of
from tests.scenario.test_connection_relay import SYMMETRIC, echo, finish, pair_of, servers, turn_server
from tests.sim.peers import World, connected, exchange, simulated, until

# webrtc-pc section 8.6: what every implementation has, as far as there is no media.
MANDATORY = {
    "peer-connection": "dataChannelsOpened dataChannelsClosed",
    "data-channel": "label protocol dataChannelIdentifier state messagesSent bytesSent messagesReceived bytesReceived",
    "transport": "bytesSent bytesReceived selectedCandidatePairId localCertificateId remoteCertificateId",
    "candidate-pair": "transportId localCandidateId remoteCandidateId state nominated bytesSent bytesReceived "
    "totalRoundTripTime responsesReceived currentRoundTripTime priority",
    "local-candidate": "address port protocol candidateType",
    "remote-candidate": "address port protocol candidateType",
    "certificate": "fingerprint fingerprintAlgorithm base64Certificate",
}


async def talking(**place):
    world = World()
    a, b = world.pair(**place)
    channel = a.createDataChannel("chat", protocol="irc")
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: channel.readyState == "open")
    return world, a, b, channel


def of_type(report, kind):
    return [stats for stats in report.values() if stats.type == kind]


@simulated
async def test_a_connection_has_everything_that_is_mandatory():
    world, a, _, channel = await talking()
    channel.send("hello")
    await asyncio.sleep(1)
    report = await a.getStats()
    assert {stats.type for stats in report.values()} == set(MANDATORY)
    for stats in report.values():
        known = stats.toJSON()
        assert set(MANDATORY[stats.type].split()) <= set(known)
        assert known["id"] == stats.id
        assert abs(stats.timestamp / 1000 - time.time()) < 5
    (transport,) = of_type(report, "transport")
    assert (transport.iceState, transport.dtlsState, transport.tlsVersion) == ("completed", "connected", "FEFD")
    assert (transport.iceRole, transport.dtlsRole) == ("controlling", "server")
    assert transport.dtlsCipher == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    assert transport.srtpCipher == "SRTP_AEAD_AES_128_GCM"
    assert transport.iceLocalUsernameFragment == a.sctp.transport.iceTransport.getLocalParameters().usernameFragment
    (sent,) = of_type(report, "data-channel")
    assert (sent.label, sent.protocol, sent.state) == ("chat", "irc", "open")
    assert (sent.messagesSent, sent.bytesSent, sent.messagesReceived) == (1, 5, 0)
    (counted,) = of_type(report, "peer-connection")
    assert (counted.dataChannelsOpened, counted.dataChannelsClosed) == (1, 0)
    await world.close()


@simulated
async def test_references_lead_to_their_entries():
    world, a, b, _ = await talking()
    for peer in (a, b):
        report = await peer.getStats()
        (transport,) = of_type(report, "transport")
        pair = report[transport.selectedCandidatePairId]
        assert (pair.state, pair.nominated) == ("succeeded", True)
        selected = peer.sctp.transport.iceTransport.getSelectedCandidatePair()
        local, remote = report[pair.localCandidateId], report[pair.remoteCandidateId]
        assert (local.type, local.address, local.port) == (
            "local-candidate",
            selected.local.address,
            selected.local.port,
        )
        assert (remote.address, remote.usernameFragment) == (selected.remote.address, selected.remote.usernameFragment)
        own, theirs = report[transport.localCertificateId], report[transport.remoteCertificateId]
        for certificate in (own, theirs):
            der = base64.b64decode(certificate.base64Certificate)
            assert fingerprint_of(der, "sha-256") == (certificate.fingerprintAlgorithm, certificate.fingerprint)
        assert own.fingerprint in peer.localDescription.sdp
        assert theirs.fingerprint in peer.remoteDescription.sdp
    await world.close()


@simulated
async def test_ids_stay_the_same_and_counters_grow():
    world, a, b, channel = await talking()
    first = await a.getStats()
    got = []
    channel.on("message", got.append)
    b.on("datachannel", lambda other: None)
    for _ in range(50):
        channel.send(b"x" * 1000)
    await asyncio.sleep(1)
    second, other = await a.getStats(), await b.getStats()
    assert set(first) == set(second)
    assert all(second[key].timestamp >= first[key].timestamp for key in first)
    ((pair,), (before,)) = of_type(second, "candidate-pair"), of_type(first, "candidate-pair")
    (transport,), (peers,) = of_type(second, "transport"), of_type(other, "transport")
    assert pair.bytesSent - before.bytesSent > 50_000
    assert pair.packetsSent > before.packetsSent
    # Nothing was lost on the way.
    assert (transport.packetsSent, transport.bytesSent) == (peers.packetsReceived, peers.bytesReceived)
    assert (pair.packetsSent, pair.bytesReceived) == (transport.packetsSent, transport.bytesReceived)
    assert pair.lastPacketSentTimestamp < second["T1"].timestamp
    channel.close()
    await asyncio.sleep(1)
    third = await a.getStats()
    assert set(first) - set(third) == {stats.id for stats in of_type(first, "data-channel")}
    assert third["P"].dataChannelsClosed == 1
    await world.close()


@simulated
async def test_what_goes_over_a_relay_is_counted_for_its_pair():
    world = World()
    turn_server(world)
    a, b = pair_of(world, servers("relay"), nat=SYMMETRIC)
    await echo(a, b)
    report = await a.getStats()
    (transport,) = of_type(report, "transport")
    pair = report[transport.selectedCandidatePairId]
    local = report[pair.localCandidateId]
    assert (local.candidateType, local.relayProtocol, local.url) == ("relay", "udp", "turn:turn.example.org")
    assert pair.bytesSent > 200_000
    await finish(world)


@simulated
async def test_a_report_is_a_map_and_a_dictionary():
    world, a, _, _ = await talking()
    report = await a.getStats()
    seen = []
    report.forEach(lambda stats, key, whole: seen.append((stats, key, whole is report)))
    assert seen == [(stats, key, True) for key, stats in report.items()]
    assert report.has("P")
    assert report.get("nothing") is None
    assert report.size == len(report) == len(list(report))
    assert dataclasses.asdict(report["P"])["dataChannelsOpened"] == 1
    report.add(dataclasses.replace(report["P"], id="Q"))
    assert report["Q"].type == "peer-connection"
    await world.close()


@simulated
async def test_the_transports_have_their_parts():
    world, a, _, _ = await talking()
    sctp = a.sctp
    ice = await sctp.transport.iceTransport.getStats()
    dtls = await sctp.transport.getStats()
    whole = await sctp.getStats()
    everything = await a.getStats()
    assert {stats.type for stats in ice.values()} == {"local-candidate", "remote-candidate", "candidate-pair"}
    assert {stats.type for stats in dtls.values()} - {stats.type for stats in ice.values()} == {
        "transport",
        "certificate",
    }
    assert set(ice) < set(dtls) < set(whole) < set(everything)
    assert set(everything) - set(whole) == {"P"}
    await world.close()


@simulated
async def test_before_anything_and_after_the_end():
    world = World()
    a, b = world.pair()
    report = await a.getStats()
    assert {stats.type for stats in report.values()} == {"transport", "certificate", "peer-connection"}
    assert (report["T1"].iceState, report["T1"].dtlsState, report["T1"].dtlsRole) == ("new", "new", "unknown")
    assert "selectedCandidatePairId" not in report["T1"].toJSON()
    a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await world.close()
    report = await a.getStats()
    assert (report["T1"].iceState, report["T1"].dtlsState) == ("closed", "closed")
    assert report["T1"].packetsSent > 0


@simulated
async def test_there_are_no_tracks_to_select():
    world = World()
    a, _ = world.pair()
    with pytest.raises(InvalidAccessError):
        await a.getStats("a track")
    await world.close()


@simulated
async def test_a_transport_without_dtls():
    world = World()
    gatherer = RTCIceGatherer(network=world.host())
    transport = RTCIceTransport(gatherer)
    gatherer.gather()
    await until(lambda: gatherer.state == "complete")
    report = await transport.getStats()
    assert [stats.candidateType for stats in report.values()] == ["host"]
    await transport.stop()


@simulated
async def test_hidden_addresses_stay_hidden():
    world = World()
    a, b = world.pair(settings=Settings(ice=IceSettings(mdns="query_and_gather")))
    a.createDataChannel("x")
    await exchange(a, b)
    local = of_type(await a.getStats(), "local-candidate")
    assert local
    assert all(stats.address.endswith(".local") for stats in local)
    assert "203.0.113.1" not in repr(local)
    await world.close()


@simulated
async def test_repeated_requests_are_counted_once():
    world = World()
    a, b = world.pair()
    a.createDataChannel("x")
    await exchange(a, b)
    world.networks[1].host.kill()
    await asyncio.sleep(3)
    (pair,) = of_type(await a.getStats(), "candidate-pair")
    assert (pair.requestsSent, pair.responsesReceived, pair.state) == (1, 0, "in-progress")
    await world.close()


@simulated
async def test_a_restart_takes_nothing_from_the_counters():
    world, a, b, channel = await talking()
    channel.send(b"x" * 1000)
    await asyncio.sleep(1)
    before = (await a.getStats())["T1"]
    a.restartIce()
    await exchange(a, b)
    await asyncio.sleep(60)  # the old generation is retired
    report = await a.getStats()
    after = report["T1"]
    assert after.bytesSent >= before.bytesSent
    assert after.packetsReceived >= before.packetsReceived
    assert after.iceLocalUsernameFragment != before.iceLocalUsernameFragment
    assert report[after.selectedCandidatePairId].nominated
    assert a.explain().problems == b.explain().problems == ()
    await world.close()
