"""Candidates from their parts, as programs written for aiortc make them."""

from rtcpeer.errors import OperationError
from rtcpeer.ice.candidate import Candidate, CandidateType, TcpType

__all__ = ["candidate_from_parts"]


def candidate_from_parts(
    *,
    component: int,
    foundation: str,
    ip: str,
    port: int,
    priority: int,
    protocol: str,
    type: str,  # noqa: A002 aiortc's name
    relatedAddress: str | None = None,
    relatedPort: int | None = None,
    tcpType: str | None = None,
) -> Candidate:
    """A candidate from the keywords that aiortc's constructor takes."""
    try:
        return Candidate(
            foundation,
            component,
            protocol.lower(),
            priority,
            ip,
            port,
            CandidateType(type),
            relatedAddress,
            relatedPort,
            TcpType(tcpType) if tcpType else None,
        )
    except ValueError as error:
        raise OperationError(str(error)) from error
