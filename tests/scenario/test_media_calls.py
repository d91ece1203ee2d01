"""Encoded media between two bundles: through the pacer, SRTP, a link and the jitter buffer."""

import pytest

from tests.sim.link import LinkSettings
from tests.sim.media import WIRE, AudioSource, Call, VideoSource, opus, vp8


def call_with_sources(link=WIRE, seed=0, seconds=5.0, **video):
    call = Call(link, seed=seed)
    call.lines([opus(), vp8()])
    call.connect()
    sources = [
        (AudioSource(call, end, end.lines[0]), VideoSource(call, end, end.lines[1], **video)) for end in call.ends
    ]
    call.run_for(seconds)
    for source in [source for pair in sources for source in pair]:
        source.stop()
    call.run_for(1.0)  # for what is under way
    return call, sources


def test_sound_and_picture_pass_both_ways():
    call, sources = call_with_sources()
    for end, (audio, video) in zip(call.ends[::-1], sources, strict=True):
        heard = [frame.data for _, frame in end.of(end.lines[0])]
        assert heard == [frame.data for _, frame in audio.sent]
        seen = [frame.data for _, frame in end.of(end.lines[1])]
        assert seen == [frame.data for _, frame in video.sent]


@pytest.mark.parametrize("seed", range(2))
def test_what_is_lost_is_sent_again(seed):
    call, sources = call_with_sources(LinkSettings(delay=0.025, loss=0.05), seed, 10.0)
    for end, (_, video) in zip(call.ends[::-1], sources, strict=True):
        assert len(end.of(end.lines[1])) >= 0.98 * len(video.sent)
