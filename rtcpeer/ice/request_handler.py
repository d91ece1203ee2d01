"""Calls `IceSettings.binding_request_handler`, and survives it."""

from collections.abc import Callable

from rtcpeer.ice.binding_request import BindingRequest
from rtcpeer.ice.pair import CandidatePair
from rtcpeer.ice.responder import PeerCheck
from rtcpeer.ice.settings import IceSettings

__all__ = ["RequestHandler"]


class RequestHandler:
    """Asks the program, where it wants to be asked, about each check of the peer."""

    def __init__(self, settings: IceSettings, report: Callable[[Exception], None]) -> None:
        self._handler = settings.binding_request_handler
        self._report = report

    def wants(
        self, check: PeerCheck, pair: CandidatePair, selected: CandidatePair | None, *, is_controlling: bool
    ) -> bool:
        """Whether the program wants to go over to the check's pair; no where it raises, which is reported."""
        if self._handler is None:
            return False
        request = BindingRequest(
            local=pair.local,
            remote=pair.remote,
            username_fragment=check.username_fragment,
            priority=check.priority,
            nominates=check.use_candidate,
            nomination=check.nomination,
            is_selected=pair is selected,
            is_valid=pair.is_valid,
            is_controlling=is_controlling,
            attributes=tuple((attribute.type, attribute.value) for attribute in check.message.attributes),
        )
        try:
            return bool(self._handler(request))
        except Exception as error:  # noqa: BLE001 a program's mistake must not end the connection
            self._report(error)
            return False
