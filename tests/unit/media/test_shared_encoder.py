import asyncio
from dataclasses import replace

import pytest

from rtcpeer.media import shared_encoder
from rtcpeer.media.codecs import create_decoder
from rtcpeer.media.shared_encoder import SharedEncoder
from rtcpeer.media.track import MediaStreamError
from tests.unit.media.codec_samples import codec, pictures, tone
from tests.unit.media.test_sending import SETTINGS, Script, Sending


async def take(track, count):
    async with asyncio.timeout(10):
        return [await track.recv() for _ in range(count)]


@pytest.fixture
async def shared():
    one = SharedEncoder(Script(), codec("VP8"), settings=SETTINGS)
    yield one
    await one.close()


def source(shared):
    return shared._encoder._track


async def test_all_get_the_same_frames_of_one_encoder(shared):
    first, second = shared.subscribe(), shared.subscribe()
    source(shared).put(*pictures(4))
    frames = await take(first, 4)
    assert await take(second, 4) == frames
    assert shared.statistics().frames_encoded == 4
    assert (first.kind, first.readyState) == ("video", "live")


async def test_who_comes_later_begins_with_a_keyframe(shared):
    first = shared.subscribe()
    sent = list(pictures(4))
    source(shared).put(*sent[:2])
    await take(first, 2)
    second = shared.subscribe()
    source(shared).put(*sent[2:])
    frames = await take(second, 2)
    assert [frame.is_keyframe for frame in frames] == [True, False]
    assert await take(first, 2) == frames
    assert len(create_decoder(codec("VP8")).decode(frames[0])) == 1


async def test_the_slowest_network_sets_the_bitrate(shared):
    first, second = shared.subscribe(), shared.subscribe()
    first.set_bitrate(700_000)
    second.set_bitrate(200_000)
    source(shared).put(*pictures(1))
    await take(first, 1)
    assert shared.statistics().target_bitrate == 200_000
    second.stop()
    source(shared).put(*list(pictures(2))[1:])
    await take(first, 1)
    assert shared.statistics().target_bitrate == 700_000


async def test_keyframe_requests_are_one(shared):
    tracks = [shared.subscribe() for _ in range(3)]
    sent = list(pictures(4))
    source(shared).put(sent[0])
    await take(tracks[0], 1)
    for track in tracks:
        track.request_keyframe()
    source(shared).put(*sent[1:])
    assert [frame.is_keyframe for frame in await take(tracks[0], 3)] == [True, False, False]


async def test_who_stops_is_left_out_and_without_anybody_nothing_is_encoded(shared):
    first, second = shared.subscribe(), shared.subscribe()
    source(shared).put(*pictures(1))
    await take(first, 1)
    first.stop()
    first.stop()
    with pytest.raises(MediaStreamError):
        await first.recv()
    assert len(await take(second, 1)) == 1
    second.stop()
    source(shared).put(*list(pictures(2))[1:])
    async with asyncio.timeout(10):
        while shared._encoder.source_statistics().frames < 2:
            await asyncio.sleep(0)
    assert shared.statistics().frames_encoded == 1


async def test_who_does_not_read_goes_on_with_a_keyframe(shared, monkeypatch):
    monkeypatch.setattr(shared_encoder, "_MAX_WAITING", 3)
    first, lazy = shared.subscribe(), shared.subscribe()
    frames = []
    for picture in pictures(6):
        source(shared).put(picture)
        frames += await take(first, 1)
    assert [frame.is_keyframe for frame in frames] == [True, False, False, False, True, False]
    assert await take(lazy, 2) == frames[4:]


async def test_the_end_of_the_source_is_that_of_all():
    ends = []
    track = Script([*pictures(1), None])
    shared = SharedEncoder(track, codec("VP8"), settings=SETTINGS, on_end=ends.append)
    first = shared.subscribe()
    assert len(await take(first, 1)) == 1
    with pytest.raises(MediaStreamError):
        await take(first, 1)
    assert first.readyState == "ended"
    assert shared.subscribe().readyState == "ended"
    await shared.close()
    assert ends == [None]


async def test_a_wrong_frame_is_told():
    ends = []
    shared = SharedEncoder(Script(tone(1)), codec("VP8"), settings=SETTINGS, on_end=ends.append)
    with pytest.raises(MediaStreamError):
        await take(shared.subscribe(), 1)
    assert "not AudioFrame" in str(ends[0])
    await shared.close()


async def test_senders_take_its_tracks(shared):
    """As two peer connections do, with payload types of their own."""
    one = Sending(shared.subscribe(), codec("VP8"))
    other = Sending(shared.subscribe(), replace(codec("VP8"), payload_type=120))
    source(shared).put(*pictures(2))
    assert [frame.data for frame in await one.got(2)] == [frame.data for frame in await other.got(2)]
    assert {frame.codec.payload_type for frame in other.frames} == {120}
    other.encoder.set_bitrate(99_000)
    other.encoder.request_keyframe()
    source(shared).put(*list(pictures(3))[2:])
    assert (await one.got(3))[2].is_keyframe
    assert shared.statistics().target_bitrate == 99_000
    await one.encoder.close()
    await other.encoder.close()
