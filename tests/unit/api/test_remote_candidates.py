import pytest

from rtcpeer import OperationError, RTCIceCandidate
from rtcpeer.api.remote_candidates import MAX_EARLY, MAX_TRICKLED, RemoteCandidates, remote_candidate
from tests.sim.peers import World, simulated

HOST = "candidate:1 1 udp 2130706431 203.0.113.77 5000 typ host"


def negotiation_with_offer():
    """Ours of a connection that has a remote offer with one m-section."""
    kept = []

    @simulated
    async def main():
        world = World()
        a, b = world.pair()
        a.createDataChannel("x")
        await a.setLocalDescription()
        await b.setRemoteDescription(a.localDescription)
        kept.append(b._exchange.negotiation)
        await world.close()

    main()
    return kept[0]


def numbered(port, **parameters):
    return RTCIceCandidate(HOST.replace("5000", str(port)), sdpMid="0", **parameters)


def test_what_is_taken_as_a_candidate():
    whole = RTCIceCandidate(HOST, sdpMid="0")
    assert remote_candidate(whole) is whole
    assert remote_candidate(whole.toJSON()) == whole
    assert remote_candidate(HOST).sdpMLineIndex == 0
    assert remote_candidate(None).candidate == ""
    assert remote_candidate({"candidate": ""}).candidate == ""
    with pytest.raises(TypeError):
        remote_candidate({"candidate": HOST})
    with pytest.raises(OperationError):
        remote_candidate("candidate:nonsense")


def test_early_ones_wait_for_their_description_and_are_bounded():
    offered = negotiation_with_offer()
    used = []
    candidates = RemoteCandidates(lambda candidate, _: used.append(candidate))
    waiting = _Nothing()
    for port in range(MAX_EARLY):
        candidates.add(numbered(port + 1), waiting)
    with pytest.raises(OperationError, match="wait"):
        candidates.add(numbered(9999), waiting)
    assert used == []
    candidates.description_set(waiting)
    assert used == []
    candidates.description_set(offered)
    assert [one.port for one in used] == list(range(1, MAX_EARLY + 1))
    candidates.description_set(offered)
    assert len(used) == MAX_EARLY


def test_strangers_are_refused_and_nothing_changes():
    offered = negotiation_with_offer()
    used = []
    candidates = RemoteCandidates(lambda candidate, _: used.append(candidate))
    with pytest.raises(OperationError):
        candidates.add(RTCIceCandidate(HOST, sdpMid="nobody"), offered)
    assert used == []
    candidates.add(RTCIceCandidate(), offered)
    assert [one.candidate for one in used] == [""]


def test_the_description_shows_them_once_without_older_ones_and_within_bounds():
    offered = negotiation_with_offer()
    candidates = RemoteCandidates(lambda *_: None)
    for _ in range(2):
        candidates.add(numbered(1), offered)
    candidates.add(numbered(2, usernameFragment="older"), offered)

    def shown():
        section = candidates.described(offered, "effective").media[0]
        return [attribute.value for attribute in section.attributes.named("candidate")]

    own = len(shown()) - 1
    assert [value for value in shown() if "203.0.113.77" in value] == [
        HOST.removeprefix("candidate:").replace("5000", "1")
    ]
    for port in range(MAX_TRICKLED + 10):
        candidates.add(numbered(port + 1), offered)
    assert own < len(shown()) <= MAX_TRICKLED + own
    candidates.clear()
    assert len(shown()) == own


class _Nothing:
    """A negotiation that has no remote description."""

    def remote_description(self, which="effective"):
        return None
