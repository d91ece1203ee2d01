import asyncio

import pytest

from rtcpeer.aio.tcp_connection import BUFFER_LIMIT, MAX_QUEUED, STUN_RESERVE, TcpConnection
from rtcpeer.core import TransportAddress
from rtcpeer.ice.framing import frame_datagrams
from rtcpeer.stun import StunMessage
from tests.sim.peers import simulated

LOCAL, REMOTE = TransportAddress("192.0.2.1", 5000, "tcp"), TransportAddress("192.0.2.2", 6000, "tcp")
STUN = StunMessage.request(1, bytes).serialize()


class FakeTransport(asyncio.Transport):
    def __init__(self):
        super().__init__({"sockname": LOCAL[:2], "peername": REMOTE[:2]})
        self.written = []
        self.ended = []
        self.waiting = 0

    def write(self, data):
        self.written.append(data)

    def get_write_buffer_size(self):
        return self.waiting

    def is_closing(self):
        return bool(self.ended)

    def close(self):
        self.ended.append("close")

    def abort(self):
        self.ended.append("abort")


class Owner:
    def __init__(self):
        self.told = []

    def take_frames(self, connection, payloads):
        self.told.append(payloads)

    def take_loss(self, connection, reason):
        self.told.append(reason)


class Rig:
    def __init__(self, *, is_up=True):
        self.owner = Owner()
        self.transport = FakeTransport()
        self.connection = TcpConnection(self.owner, REMOTE)
        if is_up:
            self.connection.connection_made(self.transport)


@simulated
async def test_what_is_sent_before_it_is_up_waits_within_bounds():
    rig = Rig(is_up=False)
    rig.connection.send([b"a", b"b"])
    rig.connection.send([b"x"] * 40)
    rig.connection.connection_made(rig.transport)
    assert rig.transport.written == [frame_datagrams([b"a", b"b", *[b"x"] * (MAX_QUEUED - 2)])]
    assert rig.connection.dropped_datagrams == 42 - MAX_QUEUED
    assert (rig.connection.local, rig.connection.remote) == (LOCAL, REMOTE)


@simulated
async def test_frames_are_cut_and_written():
    rig = Rig()
    rig.connection.data_received(b"\x00\x01a\x00")
    rig.connection.data_received(b"\x02bc")
    assert rig.owner.told == [[b"a"], [b"bc"]]
    rig.connection.send([b"d", b"ef"])
    assert rig.transport.written == [b"\x00\x01d\x00\x02ef"]


@simulated
async def test_a_full_connection_drops_data_before_it_drops_checks():
    rig = Rig()
    rig.transport.waiting = BUFFER_LIMIT
    rig.connection.send([b"fits"])
    rig.transport.waiting = BUFFER_LIMIT + 1
    rig.connection.send([b"data", STUN, b"more"])
    assert rig.transport.written == [frame_datagrams([b"fits"]), frame_datagrams([STUN])]
    rig.transport.waiting = BUFFER_LIMIT + STUN_RESERVE + 1
    rig.connection.send([STUN])
    assert len(rig.transport.written) == 2
    assert rig.connection.dropped_datagrams == 3


@pytest.mark.parametrize(
    ("error", "reason"), [(None, "the peer has hung up"), (OSError("reset"), "the connection was lost: reset")]
)
def test_the_end_is_told_with_its_reason(error, reason):
    @simulated
    async def main():
        rig = Rig()
        rig.connection.connection_lost(error)
        assert rig.owner.told == [reason]
        assert rig.connection.ended.done()
        rig.connection.close()
        rig.connection.send([b"nowhere"])

    main()


@simulated
async def test_who_closes_hears_no_more():
    rig = Rig()
    rig.connection.close()
    rig.connection.data_received(b"\x00\x01a")
    rig.connection.connection_lost(None)
    assert rig.owner.told == []
    assert rig.transport.ended == ["close"]
    rig.connection.abort()


@simulated
async def test_one_that_is_closed_before_it_is_up_is_aborted_then():
    rig = Rig(is_up=False)
    rig.connection.close()
    assert rig.connection.ended.done()
    rig.connection.connection_made(rig.transport)
    assert rig.transport.ended == ["abort"]


@simulated
async def test_one_whose_peer_is_gone_already():
    rig = Rig(is_up=False)
    rig.transport._extra["peername"] = None
    rig.connection.connection_made(rig.transport)
    assert rig.transport.ended == ["abort"]
    rig.connection.connection_lost(None)
    assert rig.owner.told == ["the peer has hung up"]
    assert rig.connection.remote == REMOTE


@simulated
async def test_it_expires_unless_something_is_sent():
    rig = Rig()
    rig.connection.expire_in(5)
    await asyncio.sleep(4)
    rig.connection.send([b"needed"])
    await asyncio.sleep(4)
    assert rig.transport.ended == []
    rig.connection.expire_in(5)
    rig.connection.expire_in(5)
    await asyncio.sleep(6)
    assert rig.transport.ended == ["close"]
    assert rig.owner.told == ["it was not needed any more"]
