"""What one ICE agent knows of itself, as the facts of a diagnosis."""

import asyncio
from collections.abc import Sequence

from rtcpeer.aio.candidate_names import RemoteNames
from rtcpeer.ice.events import IceState
from rtcpeer.ice.settings import IceSettings
from rtcpeer.stack.connectivity import Connectivity
from rtcpeer.stack.facts import Facts, GatheringFacts
from rtcpeer.stack.gathering import GatheringState
from rtcpeer.stack.servers import ServerUrl

__all__ = ["IceFacts"]


class IceFacts:
    """Remembers when states were entered, and takes the rest from where it is when somebody asks."""

    def __init__(self, core: Connectivity, names: RemoteNames) -> None:
        self._core = core
        self._names = names
        self._entered: dict[IceState, float] = {}

    def note(self, state: IceState) -> None:
        """A state was entered."""
        self._entered[state] = asyncio.get_running_loop().time()

    def snapshot(self, servers: Sequence[ServerUrl], settings: IceSettings) -> Facts:
        """The facts now, with the agent's servers and settings; needs a running event loop."""
        agent, gatherer = self._core.agent, self._core.gatherer
        return Facts(
            now=asyncio.get_running_loop().time(),
            ice=agent.statistics(),
            gathering=GatheringFacts(
                state=GatheringState.COMPLETE if gatherer.is_resting else gatherer.state,
                transport_policy=settings.transport_policy,
                servers=gatherer.log.reports(servers),
                mappings=gatherer.log.mappings,
                bases=tuple(gatherer.bases),
                unusable_addresses=gatherer.unusable_addresses,
            ),
            names_pending=self._names.pending,
            entered=dict(self._entered),
            is_closed_here=agent.state is IceState.CLOSED,
        )
