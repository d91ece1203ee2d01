"""Two ends of data channels over a link, and one end over a bare association, to say what no honest peer says."""

import rtcpeer.sctp.association as sctp
from rtcpeer.datachannel.channels import Channel, ChannelState, DataChannels
from rtcpeer.datachannel.events import ChannelAnnounced, ChannelClosed, ChannelEvent, ChannelMessage
from rtcpeer.datachannel.settings import DataChannelSettings
from rtcpeer.sctp.events import AssociationEstablished, SctpEvent
from rtcpeer.sctp.settings import SctpSettings
from tests.sim.clock import seeded_entropy
from tests.sim.driven import Driven
from tests.sim.link import LinkSettings
from tests.sim.pipe import Pipe

DELAY = LinkSettings(delay=0.01)

Side = Driven[bytes, ChannelEvent]


def association(seed: str, settings: SctpSettings | None = None) -> sctp.Association:
    return sctp.Association(settings or SctpSettings(), seeded_entropy(seed))


def channels(seed: str, *, is_client: bool, settings: DataChannelSettings | None = None) -> DataChannels:
    ends = DataChannels(association(f"{seed}/{is_client}"), settings or DataChannelSettings())
    ends.set_role(is_dtls_client=is_client)
    return ends


class Peers(Pipe[ChannelEvent, ChannelEvent]):
    """`client` and `server` are the cores of `a` and `b`; both connect, as in WebRTC."""

    def __init__(self, link: LinkSettings = DELAY, seed: int = 0, settings: DataChannelSettings | None = None) -> None:
        self.client = channels(f"{seed}", is_client=True, settings=settings)
        self.server = channels(f"{seed}", is_client=False, settings=settings)
        super().__init__(self.client, self.server, link, seed=seed)

    def connect(self) -> "Peers":
        self.client.connect()
        self.server.connect()
        self.run(lambda: all(side.events_of(AssociationEstablished) for side in (self.a, self.b)))
        return self

    def pair(self, label: str = "chat", **parameters: object) -> tuple[Channel, Channel]:
        """A channel that the client opens, and the server's end of it."""
        ours = self.client.open(label, **parameters)  # type: ignore[arg-type]
        self.run(lambda: ours.state is ChannelState.OPEN and ours.stream_id in announced(self.b))
        return ours, announced(self.b)[ours.stream_id or 0]


class Rogue(Pipe[SctpEvent, ChannelEvent]):
    """A bare association, which says what it likes, to a server end; its own streams are the even ones."""

    def __init__(self, settings: DataChannelSettings | None = None) -> None:
        self.rogue = association("rogue")
        self.server = channels("victim", is_client=False, settings=settings)
        super().__init__(self.rogue, self.server, DELAY)
        self.rogue.connect()
        self.server.connect()
        self.run(lambda: bool(self.a.events_of(AssociationEstablished) and self.b.events_of(AssociationEstablished)))

    def say(self, stream_id: int, ppid: int, data: bytes) -> None:
        self.rogue.send(stream_id, ppid, data)
        self.run_for(1.0)


def announced(side: Side) -> dict[int, Channel]:
    """The channels that the peer opened and that are not closed, by stream."""
    found = [event.channel for event in side.events if isinstance(event, ChannelAnnounced)]
    return {channel.stream_id or 0: channel for channel in found if channel.state is not ChannelState.CLOSED}


def messages(side: Side, channel: Channel | None = None) -> list[str | bytes]:
    return [
        event.data
        for event in side.events
        if isinstance(event, ChannelMessage) and (channel is None or event.channel is channel)
    ]


def closed(side: Side) -> list[Channel]:
    return [event.channel for event in side.events if isinstance(event, ChannelClosed)]
