import pytest

from rtcpeer.sctp.chunks import ChunkType
from rtcpeer.sctp.shutdown import Shutdown
from rtcpeer.sctp.state import AssociationState


@pytest.mark.parametrize(
    ("state", "following", "kind"),
    [
        (AssociationState.SHUTDOWN_PENDING, AssociationState.SHUTDOWN_SENT, ChunkType.SHUTDOWN),
        (AssociationState.SHUTDOWN_RECEIVED, AssociationState.SHUTDOWN_ACK_SENT, ChunkType.SHUTDOWN_ACK),
    ],
)
def test_it_goes_on_once_everything_is_acknowledged(
    state: AssociationState, following: AssociationState, kind: ChunkType
) -> None:
    shutdown = Shutdown()
    assert shutdown.next_state(state, has_work=True) is state
    assert not shutdown.is_due
    assert shutdown.next_state(state, has_work=False) is following
    chunk = shutdown.chunk_due(following, 0x1_0000_0005, 10.0, 0.5)
    assert chunk[0] == kind
    assert chunk[4:] == (b"\0\0\0\5" if kind is ChunkType.SHUTDOWN else b"")
    assert shutdown.chunk_due(following, 5, 10.0, 0.5) == b""


def test_t2_repeats() -> None:
    shutdown = Shutdown()
    shutdown.repeat()
    shutdown.chunk_due(AssociationState.SHUTDOWN_SENT, 5, 10.0, 0.5)
    assert not shutdown.handle_timeout(10.4)
    assert shutdown.handle_timeout(10.5)
    assert shutdown.is_due


@pytest.mark.parametrize("state", [AssociationState.ESTABLISHED, AssociationState.SHUTDOWN_SENT])
def test_other_states_stay(state: AssociationState) -> None:
    shutdown = Shutdown()
    assert shutdown.next_state(state, has_work=False) is state
    assert not shutdown.is_due
