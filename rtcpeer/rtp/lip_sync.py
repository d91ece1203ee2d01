"""Sound and picture of one source play together: who comes sooner waits for who comes later (RFC 3550 section 6.4.1).

Sender reports tie the timestamps of each stream to one clock, the sender's; streams with one CNAME share it.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from rtcpeer.rtp.inbound_stream import InboundStream

__all__ = ["synchronize"]

MAX_STEP: Final = 0.08  # seconds of delay added or taken at once: more is heard as a gap
# More than this is no path, but clocks that have nothing to do with each other.
MAX_DIFFERENCE: Final = 2.0


def synchronize(streams: Iterable[InboundStream]) -> None:
    """Move the delays of the streams one step towards playing in time; call it about once a second."""
    groups: dict[str, list[tuple[InboundStream, float, float]]] = defaultdict(list)
    for stream in streams:
        offset = stream.playout_offset()
        if offset is not None and stream.cname is not None:
            groups[stream.cname].append((stream, *offset))
    for group in groups.values():
        latest = max(playout for _, _, playout in group)
        for stream, arrival, playout in group:
            # The latest waits for nobody, and neither does one that has nothing to do with it.
            wanted = latest - arrival if 0 < latest - playout < MAX_DIFFERENCE else 0.0
            current = stream.synchronized_delay
            stream.synchronized_delay = min(max(wanted, current - MAX_STEP), current + MAX_STEP)
