import asyncio

from rtcpeer.aio.streams import StreamCallbacks, StreamPort
from rtcpeer.core import Datagrams, TransportAddress

LOCAL, REMOTE = TransportAddress("192.168.1.2", 6000, "tcp"), TransportAddress("203.0.113.1", 3478, "tcp")


class FakeTransport(asyncio.Transport):
    def __init__(self):
        super().__init__({"sockname": LOCAL[:2], "peername": REMOTE[:2]})
        self.written = []
        self.closed = []

    def set_write_buffer_limits(self, high=None, low=None):
        self.limit = high

    def write(self, data):
        self.written.append(data)

    def close(self):
        self.closed.append("close")

    def abort(self):
        self.closed.append("abort")


class World:
    def __init__(self):
        self.told = []
        self.transport = FakeTransport()
        self.port = StreamPort(
            StreamCallbacks(
                self.told.append,
                lambda: self.told.append("drained"),
                lambda local, is_full: self.told.append((local, is_full)),
                lambda local, reason: self.told.append((local, reason)),
            )
        )
        self.port.connection_made(self.transport)


async def test_pieces_of_the_stream_look_like_datagrams():
    world = World()
    world.port.data_received(b"abc")
    assert world.told == [Datagrams(LOCAL, REMOTE, [b"abc"]), "drained"]


async def test_everything_is_taken_in_one_write():
    world = World()
    assert world.port.send(REMOTE, [b"one", b"two"]) == 2
    assert world.transport.written == [b"onetwo"]


async def test_a_full_buffer_is_told():
    world = World()
    world.port.pause_writing()
    world.port.resume_writing()
    assert world.told == [(LOCAL, True), (LOCAL, False)]


async def test_a_lost_connection_is_told_once():
    world = World()
    world.port.connection_lost(ConnectionResetError("reset by peer"))
    assert world.told == [(LOCAL, "the connection was lost: reset by peer")]
    assert world.port.ended.done()
    assert world.port.send(REMOTE, [b"x"]) == 1
    world.port.close()
    assert not world.transport.closed


async def test_nothing_is_told_after_close():
    world = World()
    world.port.close()
    world.port.data_received(b"abc")
    world.port.pause_writing()
    world.port.resume_writing()
    world.port.abort()
    world.port.connection_lost(None)
    assert not world.told
    assert world.transport.closed == ["close", "abort"]
