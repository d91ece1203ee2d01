"""How the senders of a transport share the bitrate that it carries."""

from collections.abc import Sequence

from rtcpeer.rtp.bandwidth.allocation import Demand, share
from rtcpeer.rtp.sender import RtpSender
from rtcpeer.rtp.settings import MediaSettings

__all__ = ["demands", "share_bitrate", "share_layers"]

# Encodings usually double both sides of the picture, the smallest first.
LAYER_FACTOR = 4.0


def share_bitrate(senders: Sequence[RtpSender], bitrate: int, settings: MediaSettings) -> None:
    """Audio has what it needs; the rest is for video, by weight."""
    minimum = settings.bandwidth.min_bitrate
    video: list[tuple[RtpSender, list[Demand]]] = []
    for sender in senders:
        wanted = demands(sender, settings)
        if sender.kind == "video":
            video.append((sender, wanted))
        else:
            sender.allocate([demand.maximum for demand in wanted])
            bitrate -= sum(demand.maximum for demand in wanted)
    wishes = [Demand(sum(demand.maximum for demand in wanted), sender.weight) for sender, wanted in video]
    for (sender, wanted), part in zip(video, share(max(bitrate, minimum), wishes), strict=True):
        sender.allocate(share_layers(part, wanted, minimum))


def demands(sender: RtpSender, settings: MediaSettings) -> list[Demand]:
    """What each encoding has a use for: nothing while it is inactive or may not be sent."""
    parameters = sender.parameters
    if parameters is None or not parameters.is_sending:
        return [Demand(0) for _ in sender.streams]
    wanted = []
    for index, stream in enumerate(sender.streams):
        if sender.kind == "audio":
            default = settings.audio_bitrate
        else:
            default = round(settings.max_bitrate * LAYER_FACTOR ** (index + 1 - len(sender.streams)))
        maximum = stream.max_bitrate or default
        wanted.append(Demand(maximum if stream.is_active else 0, LAYER_FACTOR**index))
    if parameters.max_bitrate is None:
        return wanted
    parts = share(parameters.max_bitrate, wanted)
    return [Demand(part, demand.weight) for part, demand in zip(parts, wanted, strict=True)]


def share_layers(bitrate: int, wanted: Sequence[Demand], minimum: int) -> list[int]:
    """The bitrates of a sender's encodings; one that would get too little to be of use leaves it to those below."""
    wanted = list(wanted)
    while True:
        parts = share(bitrate, wanted)
        served = [index for index, part in enumerate(parts) if part > 0]
        if len(served) <= 1 or all(parts[index] >= min(minimum, wanted[index].maximum) for index in served):
            return parts
        wanted[served[-1]] = Demand(0)
