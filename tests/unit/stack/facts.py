"""Facts as a test wants them; what is not said is as in a connection that has just been made."""

from dataclasses import replace

from rtcpeer.core import TransportAddress
from rtcpeer.dtls.endpoint import DtlsRole, DtlsState
from rtcpeer.ice import Agent, Candidate, CandidatePair, CandidateType, IceParameters, IceSettings, IceState
from rtcpeer.ice.statistics import IceStatistics, PairStatistics, pair_statistics
from rtcpeer.sctp.state import AssociationState
from rtcpeer.stack.facts import DtlsFacts, Facts, GatheringFacts, SctpFacts
from rtcpeer.stack.gathering import GatheringState

LOCAL = TransportAddress("192.168.1.2", 5000)
REMOTE = TransportAddress("198.51.100.9", 6000)
PEER = IceParameters("peer", "p" * 24)


def candidate(address, kind=CandidateType.HOST, related=None, **changes):
    made = Candidate("1", 1, address.protocol, 100, address.host, address.port, kind)
    if related is not None:
        made = replace(made, related_address=related.host, related_port=related.port)
    return replace(made, **changes)


def pair(state=None, local=LOCAL, remote=REMOTE, *, failure=None, **changes) -> PairStatistics:
    """A pair; ``failure`` is what its `fail` takes."""
    made = CandidatePair(candidate(local), candidate(remote), changes.pop("priority", 1))
    is_selected = changes.pop("is_selected", False)
    for name, value in changes.items():
        setattr(made, name, value)
    if state is not None:
        made.state = state
    if failure is not None:
        made.fail(*failure)
    return pair_statistics(made, made if is_selected else None)


def ice(**changes) -> IceStatistics:
    blank = Agent(IceSettings(), is_controlling=True, entropy=bytes).statistics()
    return replace(blank, **{"remote_parameters": PEER, "checking_since": 0.0, **changes})


def failed(*pairs, **changes) -> IceStatistics:
    """Checks with these have led to nothing."""
    remotes = tuple(each.remote for each in pairs)
    locals_ = tuple(each.local for each in pairs)
    known = {"pairs": pairs, "local_candidates": locals_, "remote_candidates": remotes}
    return ice(**{"state": IceState.FAILED, **known, **changes})


def connected(**changes) -> IceStatistics:
    used = pair(is_selected=True)
    return ice(
        **{"state": IceState.CONNECTED, "pairs": (used,), "send_path": used.path, "is_remote_ended": True, **changes}
    )


def facts(statistics: IceStatistics, **changes) -> Facts:
    gathering = GatheringFacts(GatheringState.COMPLETE, "all", bases=(LOCAL,))
    return Facts(**{"now": 100.0, "ice": statistics, "gathering": gathering, **changes})


def dtls(state=DtlsState.CONNECTED, role=DtlsRole.CLIENT, end=None, **changes) -> DtlsFacts:
    return DtlsFacts(state, role, end, **changes)


def sctp(state=AssociationState.ESTABLISHED, end=None) -> SctpFacts:
    return SctpFacts(is_wanted=True, state=state, end=end)
