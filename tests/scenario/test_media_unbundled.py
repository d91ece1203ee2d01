"""Peers that do not bundle (RFC 9143 section 7.3, RFC 9429 section 4.1.1), and the policies between ourselves."""

import asyncio
import re

import pytest

from rtcpeer import RTCPeerConnection
from tests.sim.encoded_track import EncodedTrack, Frames
from tests.sim.peers import World, connected, simulated, trickle, until

BUNDLE = re.compile("^a=group:BUNDLE .*\r\n", re.MULTILINE)


class Call:
    """Audio, video and data from both sides; ``offering`` and ``answering`` change the texts on their way."""

    def __init__(self, policy: str = "balanced", *, trickles: bool = True) -> None:
        self.world = World()
        configuration = {"bundlePolicy": policy}
        self.world.a, self.world.b = self.world.peer(configuration), self.world.peer(configuration)
        self.a, self.b = self.world.a, self.world.b
        self.tracks: dict[RTCPeerConnection, list] = {self.a: [], self.b: []}
        self.messages: list[str] = []
        self.states: list[str] = []
        for pc, other in ((self.a, self.b), (self.b, self.a)):
            pc.on("track", self.tracks[pc].append)
            if trickles:
                trickle(pc, other)
        self.a.on("connectionstatechange", lambda: self.states.append(self.a.connectionState))
        self.b.on("datachannel", lambda channel: channel.on("message", self.messages.append))
        self.channel = None

    def add_all(self) -> None:
        for pc in (self.a, self.b):
            pc.addTrack(EncodedTrack("audio"))
            pc.addTrack(EncodedTrack("video"))
        self.channel = self.a.createDataChannel("x")

    async def exchange(self, offering=str, answering=str) -> None:
        await self.a.setLocalDescription()
        await self.b.setRemoteDescription({"type": "offer", "sdp": offering(self.a.localDescription.sdp)})
        await self.b.setLocalDescription()
        await self.a.setRemoteDescription({"type": "answer", "sdp": answering(self.b.localDescription.sdp)})

    async def works(self, transports: int) -> None:
        """Everything flows both ways, over so many transports on each side."""
        await connected(self.a, self.b)
        readers = [Frames(track.receiver) for pc in (self.a, self.b) for track in self.tracks[pc]]
        assert len(readers) == 4
        for reader in readers:
            await until(lambda reader=reader: len(reader.frames) > 20, 10)
        await until(lambda: self.channel.readyState == "open", 10)
        self.channel.send("hello")
        await until(lambda: self.messages == ["hello"], 10)
        for pc in (self.a, self.b):
            carriers = {each.sender.transport for each in pc.getTransceivers()} | {pc.sctp.transport}
            assert len(carriers) == transports
            assert {each.receiver.transport for each in pc.getTransceivers()} <= carriers
            assert [each.state for each in carriers] == ["connected"] * transports
            assert len(pc._transports.all) == transports
            assert pc.iceGatheringState == "complete"
            await self.reports(pc, transports)

    async def reports(self, pc: RTCPeerConnection, transports: int) -> None:
        """The entries of all transports, each under an id of its own, and every stream at its transport."""
        report = await pc.getStats()
        by_type: dict[str, list] = {}
        for entry in report.values():
            by_type.setdefault(entry.type, []).append(entry)
        assert len(by_type["transport"]) == transports
        assert len(by_type["peer-connection"]) == len(by_type["data-channel"]) == 1
        assert {each.state for each in by_type["candidate-pair"]} >= {"succeeded"}
        for stream in by_type["outbound-rtp"] + by_type["inbound-rtp"]:
            assert report[stream.transportId].type == "transport"
        assert len({each.transportId for each in by_type["outbound-rtp"]}) == min(transports, 2)
        assert not pc.explain().problems

    async def close(self) -> None:
        await self.world.close()
        for pc in (self.a, self.b):
            assert pc.connectionState == "closed"


def stripped(text: str) -> str:
    return BUNDLE.sub("", text)


@simulated
async def test_an_offer_without_groups_is_answered_with_a_transport_for_each_section():
    call = Call("max-compat")
    call.add_all()
    await call.exchange(stripped)
    assert "BUNDLE" not in call.b.localDescription.sdp
    await call.works(3)
    await call.close()


@simulated
async def test_an_answer_that_does_not_bundle_parts_what_was_offered_with_one_transport():
    """As Chromium is answered by a peer that does not know groups: the same credentials at several addresses."""
    call = Call()
    call.add_all()
    await call.exchange(stripped)
    fragments = re.findall("a=ice-ufrag:(.*)\r", call.a.localDescription.sdp)
    assert len(set(fragments)) == 1
    assert len(set(re.findall("a=ice-ufrag:(.*)\r", call.b.localDescription.sdp))) == 3
    await call.works(3)
    assert call.states == ["connecting", "connected"]
    await call.close()


@simulated
async def test_peers_without_mids_are_known_by_their_indices():
    call = Call("max-compat")
    call.add_all()

    def bare(text: str) -> str:
        return re.sub("a=(mid:|extmap:.*:mid).*\r\n", "", stripped(text))

    await call.a.setLocalDescription()
    await call.b.setRemoteDescription({"type": "offer", "sdp": bare(call.a.localDescription.sdp)})
    await call.b.setLocalDescription()
    assert "a=mid" not in call.b.localDescription.sdp
    await call.a.setRemoteDescription(call.b.localDescription)
    await call.works(3)
    await call.close()


@pytest.mark.parametrize("policy", ["balanced", "max-compat", "max-bundle"])
@simulated
async def test_who_bundles_needs_one_transport_and_nothing_is_left_of_the_others(policy):
    call = Call(policy)
    call.add_all()
    await call.a.setLocalDescription()
    fragments = re.findall("a=ice-ufrag:(.*)\r", call.a.localDescription.sdp)
    offered = 3 if policy == "max-compat" else 1
    assert len(call.a._transports.all) == len(set(fragments)) == offered
    before = call.a._transports.all
    await until(lambda: call.a.iceGatheringState == "complete")
    assert call.a.localDescription.sdp.count("a=end-of-candidates") == offered
    assert call.world.networks[0].open_sockets == offered
    await call.b.setRemoteDescription(call.a.localDescription)
    await call.b.setLocalDescription()
    await call.a.setRemoteDescription(call.b.localDescription)
    await call.works(1)
    assert call.world.networks[0].open_sockets == 1
    assert [each.ice.state for each in before] == [call.a.iceConnectionState] + ["closed"] * (offered - 1)
    await call.close()


@simulated
async def test_with_max_bundle_an_offer_without_groups_gets_one_transport():
    call = Call("max-bundle")
    call.add_all()
    await call.exchange(stripped)
    assert [each.currentDirection for each in call.b.getTransceivers()] == ["sendrecv", None]
    assert [each.kind for each in call.a.getTransceivers()] == ["audio"]
    assert call.a.sctp is None
    await connected(call.a, call.b)
    await call.close()


@simulated
async def test_several_groups_are_several_transports():
    call = Call("max-compat")
    call.add_all()
    await call.exchange(lambda text: text.replace("BUNDLE 0 1 2", "BUNDLE 0 2\r\na=group:BUNDLE 1"))
    assert re.findall("a=group:BUNDLE (.*)\r", call.b.localDescription.sdp) == ["0 2", "1"]
    await call.works(2)
    for pc in (call.a, call.b):
        audio, video = pc.getTransceivers()
        assert audio.sender.transport is pc.sctp.transport
        assert video.sender.transport is not pc.sctp.transport
    await call.close()


@simulated
async def test_an_unbundled_call_renegotiates_and_restarts_in_all_its_transports():
    call = Call("max-compat")
    call.add_all()
    await call.exchange(stripped)
    await call.works(3)
    pairs = [each.ice.getSelectedCandidatePair() for each in call.a._transports.all]
    call.a.restartIce()
    await call.exchange(stripped)
    assert len(set(re.findall("a=ice-ufrag:(.*)\r", call.a.localDescription.sdp))) == 3

    def renewed() -> bool:
        now = [each.ice.getSelectedCandidatePair() for each in call.a._transports.all]
        return all(
            after.local.usernameFragment != before.local.usernameFragment
            for before, after in zip(pairs, now, strict=True)
        )

    await until(renewed)
    # Another one, for which there is no group to join.
    call.a.addTrack(EncodedTrack("video"))
    await call.exchange(stripped)
    await until(lambda: len(call.tracks[call.b]) == 3)
    assert len(call.a._transports.all) == len(call.b._transports.all) == 4
    reader = Frames(call.tracks[call.b][-1].receiver)
    await until(lambda: len(reader.frames) > 20, 10)
    # And one that ends, with its transport, be it the first.
    call.a.getTransceivers()[0].stop()
    await call.exchange(stripped)
    assert len(call.a._transports.all) == len(call.b._transports.all) == 3
    await asyncio.sleep(1)
    assert (call.a.connectionState, call.b.connectionState) == ("connected", "connected")
    await call.close()


@simulated
async def test_a_rollback_ends_the_transports_of_the_offer():
    call = Call("max-compat")
    call.add_all()
    await call.a.setLocalDescription()
    await until(lambda: call.world.networks[0].open_sockets == 3)
    await call.a.setLocalDescription({"type": "rollback"})
    await until(lambda: call.world.networks[0].open_sockets == 1)
    # Nor does an offer that is never set leave anything.
    await call.a.createOffer()
    assert len(call.a._transports.all) == 1
    await call.exchange()
    await call.works(1)
    await call.close()


@simulated
async def test_without_trickling_each_transport_has_its_candidates_in_the_description():
    call = Call("max-compat", trickles=False)
    call.add_all()
    await call.exchange(stripped)
    for pc in (call.a, call.b):
        sections = pc.localDescription.sdp.split("m=")[1:]
        assert ["a=candidate" in section for section in sections] == [True] * 3
    await call.works(3)
    await call.close()


@simulated
async def test_one_transport_that_fails_fails_the_connection_and_is_explained():
    call = Call("max-compat", trickles=False)
    call.add_all()

    def deaf(text: str) -> str:
        """The video's transport gets no address that is anybody's."""
        head, audio, video, data = stripped(text).split("m=")
        video = re.sub(r"203\.0\.113\.\d+ \d+", "203.0.113.99 9999", video)
        return f"{head}m={audio}m={video}m={data}"

    await call.exchange(deaf, deaf)
    await until(lambda: call.a.connectionState == "failed")
    audio, video, _ = call.a._transports.all
    assert audio.ice.state in {"connected", "completed"}
    assert call.a.iceConnectionState == video.ice.state == "failed"
    assert call.a.explain().problems
    await call.close()
