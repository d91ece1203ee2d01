from rtcpeer.media.stream import MediaStream
from rtcpeer.media.track import AudioStreamTrack, VideoStreamTrack


def test_a_stream_is_a_set_of_tracks():
    audio, video = AudioStreamTrack(), VideoStreamTrack()
    stream = MediaStream([audio])
    stream.addTrack(video)
    stream.addTrack(video)
    assert stream.getTracks() == [audio, video]
    assert (stream.getAudioTracks(), stream.getVideoTracks()) == ([audio], [video])
    assert (stream.getTrackById(video.id), stream.getTrackById("?")) == (video, None)
    stream.removeTrack(audio)
    stream.removeTrack(audio)
    assert stream.getTracks() == [video]


def test_ids():
    assert MediaStream(id="camera").id == "camera"
    assert MediaStream().id != MediaStream().id


def test_made_of_another_it_shares_the_tracks():
    stream = MediaStream([AudioStreamTrack()])
    assert MediaStream(stream).getTracks() == stream.getTracks()


def test_it_is_active_while_a_track_lives():
    audio, video = AudioStreamTrack(), VideoStreamTrack()
    stream = MediaStream([audio, video])
    audio.stop()
    assert stream.active
    video.stop()
    assert not stream.active
    assert not MediaStream().active


def test_a_clone_has_clones():
    stream = MediaStream([AudioStreamTrack(), VideoStreamTrack()])
    clone = stream.clone()
    assert clone.id != stream.id
    assert [track.kind for track in clone.getTracks()] == ["audio", "video"]
    assert not {track.id for track in clone.getTracks()} & {track.id for track in stream.getTracks()}


def test_events_are_about_changes_from_outside():
    stream, calls = MediaStream(), []
    stream.onaddtrack = lambda track: calls.append(("added", track))
    stream.onremovetrack = lambda track: calls.append(("removed", track))
    audio, video = AudioStreamTrack(), VideoStreamTrack()
    stream.addTrack(audio)
    stream._change(added=[audio, video])
    stream._change(removed=[audio, audio])
    assert calls == [("added", video), ("removed", audio)]
    assert stream.getTracks() == [video]
