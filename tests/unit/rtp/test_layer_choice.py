from rtcpeer.rtp.frames import EncodedFrame
from rtcpeer.rtp.layer_choice import LayerChoice
from rtcpeer.rtp.parameters import CodecParameters

VP8 = CodecParameters("video", "VP8", 96, 90000)
LAYERS = {"q": (1, 1000, 100), "h": (2, 900_000, 400), "f": (3, 7, 1600)}  # SSRC, first timestamp, size of a keyframe
FRAME = 1 / 30


class Peer:
    """Sends the layers at 30 pictures a second; `taken` is what was let through, as (rid, timestamp)."""

    def __init__(self):
        self.asked = []
        self.choice = LayerChoice(self.asked.append)
        self.number = 0
        self.taken = []

    @property
    def now(self):
        return self.number * FRAME

    def send(self, *rids, keyframes="", count=1, knows_time=False, **changed):
        for _ in range(count):
            for rid in rids:
                ssrc, origin, size = LAYERS.get(rid, (9, 50, 100))
                frame = EncodedFrame(
                    bytes(changed.get("size", size) if rid in keyframes else 10),
                    origin + 3000 * self.number,
                    rid in keyframes,
                    VP8,
                    rid if rid in LAYERS else None,
                    captured_at=self.now if knows_time else None,
                    ssrc=changed.get("ssrc", ssrc),
                )
                chosen = self.choice.take(frame, self.now)
                if chosen is not None:
                    self.taken.append((chosen.rid, chosen.timestamp))
            self.number += 1

    @property
    def rids(self):
        """Which were let through since this was read last."""
        rids, self.taken = [rid for rid, _ in self.taken], []
        return rids


def sending(*rids):
    peer = Peer()
    peer.send(*rids, keyframes=rids)
    peer.taken = []
    return peer


def test_a_single_stream_passes_as_it_came_from_its_first_keyframe_on():
    peer = Peer()
    peer.send("-", count=3)
    assert (peer.taken, peer.asked) == ([], [9])
    peer.send("-", keyframes="-")
    peer.send("-", count=2)
    assert peer.taken == [(None, 50 + 3000 * number) for number in (3, 4, 5)]
    assert peer.asked == [9]


def test_the_layer_with_the_largest_keyframes_is_chosen_and_the_others_stay_out():
    peer = Peer()
    peer.send("q", "h", "f", keyframes=("q", "h", "f"))
    assert peer.rids == ["q", "h", "f"]  # of the first picture, as nothing larger was known before
    peer.send("q", "h", "f", count=100)
    assert peer.rids == ["f"] * 100
    peer.send("q", "h", "f", keyframes=("q", "h"))
    assert peer.rids == ["f"]
    assert peer.asked == []


def test_a_layer_that_comes_later_is_asked_for_a_keyframe_and_takes_over_with_it():
    peer = sending("q")
    peer.send("q", "f", count=10)
    assert (peer.rids, peer.asked) == (["q"] * 10, [3])
    peer.send("q", "f", count=10)
    assert peer.asked == [3, 3]  # half a second later
    peer.send("q", "f", keyframes="f")
    peer.send("q", "f", count=3)
    assert peer.rids == ["q"] * 11 + ["f"] * 4


def test_a_layer_that_falls_silent_gives_way_to_another_at_its_keyframe():
    peer = sending("q", "h", "f")
    peer.send("q", "h", count=30)
    assert (peer.rids, peer.asked) == ([], [])  # perhaps only a frame that is asked for again
    peer.send("q", "h", count=2)
    assert (peer.rids, peer.asked) == ([], [1, 2])
    peer.send("q", "h", keyframes=("q", "h"))
    peer.send("q", "h", count=2)
    assert peer.rids == ["q", "h", "h", "h"]
    peer.send("q", "h", "f")  # and it comes back
    assert peer.asked == [1, 2, 3]
    peer.send("q", "h", "f", keyframes="f")
    peer.send("q", "h", "f")
    assert peer.rids == ["h", "h", "f", "f"]


def test_at_a_picture_a_second_no_layer_counts_as_silent():
    peer = sending("q", "f")
    for _ in range(20):
        peer.number += 40
        peer.send("q", "f")
    assert (peer.rids, peer.asked) == (["f"] * 20, [])


def test_a_source_that_leaves_gives_way_at_once():
    peer = sending("q", "f")
    peer.choice.ended(3, "f")
    peer.send("q")
    assert (peer.rids, peer.asked) == ([], [1])
    peer.send("q", keyframes="q")
    assert peer.rids == ["q"]
    assert peer.choice.ssrc == 1


def test_a_source_that_takes_another_ssrc_goes_on_with_its_keyframe():
    peer = sending("f")
    peer.send("f", ssrc=4)
    assert (peer.rids, peer.asked) == ([], [])  # as it may be one that has left
    peer.send("f", ssrc=4, keyframes="f", size=20)
    peer.send("f", ssrc=4)
    assert peer.rids == ["f", "f"]
    peer.choice.ended(3, "f")
    peer.send("f", ssrc=4)
    assert peer.rids == ["f"]


def test_a_keyframe_of_another_picture_does_not_make_two_layers_alternate():
    peer = sending("q", "f")
    peer.send("q", "f", keyframes="f", size=50)  # a black picture
    peer.send("q", "f", count=5)
    assert peer.asked == [1]
    peer.send("q", "f", keyframes="q", size=20)
    peer.send("q", "f", count=60)
    assert (set(peer.rids), peer.asked) == ({"f"}, [1])


def test_timestamps_go_on_where_the_layer_before_has_been():
    for knows_time in (False, True):
        peer = Peer()
        peer.send("q", keyframes="q", knows_time=knows_time)
        peer.send("q", count=2, knows_time=knows_time)
        peer.send("h", keyframes="h", knows_time=knows_time)
        peer.send("q", "h", count=2, knows_time=knows_time)
        assert peer.taken == [(rid, 1000 + 3000 * number) for number, rid in enumerate("qqqhhh")]


def test_sources_that_have_left_are_forgotten():
    peer = sending("f")
    for number in range(100):
        frame = EncodedFrame(b"x", 0, False, VP8, f"layer{number}", ssrc=100 + number)
        assert peer.choice.take(frame, peer.now) is None
        peer.choice.ended(100 + number, f"layer{number}")
    assert list(peer.choice._layers) == ["f"]
    for number in range(100):
        frame = EncodedFrame(bytes(9999), 0, True, VP8, f"layer{number}", ssrc=100 + number)
        assert peer.choice.take(frame, peer.now) is not None
        peer.choice.ended(100 + number, f"layer{number}")
    assert list(peer.choice._layers) == ["f"]


def test_a_clock_that_can_not_be_right_does_not_count():
    peer = Peer()
    peer.send("q", keyframes="q", knows_time=True)
    jumped = EncodedFrame(bytes(400), 5, True, VP8, "h", captured_at=4e9, ssrc=2)
    assert peer.choice.take(jumped, peer.now).timestamp == 1000 + 3000
