import asyncio

import pytest

from rtcpeer import InvalidStateError, OperationError
from tests.sim.peers import World, connected, exchange, simulated, until


@simulated
async def test_parameters_in_both_spellings_and_their_errors():
    world = World()
    a, _ = world.pair()
    one = a.createDataChannel("x", {"ordered": False, "maxRetransmits": 2, "protocol": "p"})
    other = a.createDataChannel("x", ordered=False, maxRetransmits=2, protocol="p")
    for channel in (one, other):
        assert (channel.label, channel.ordered, channel.maxRetransmits, channel.protocol) == ("x", False, 2, "p")
        assert (channel.readyState, channel.id, channel.negotiated, channel.maxPacketLifeTime) == (
            "connecting", None, False, None,
        )  # fmt: skip
        with pytest.raises(InvalidStateError):
            channel.send("early")
    assert a.createDataChannel("x", id=5).id is None
    assert a.createDataChannel("x", negotiated=True, id=5).id == 5
    with pytest.raises(OperationError):
        a.createDataChannel("x", negotiated=True, id=5)
    for wrong in (
        {"maxRetransmits": 1, "maxPacketLifeTime": 1},
        {"negotiated": True},
        {"negotiated": True, "id": 65535},
        {"maxRetransmits": 65536},
        {"maxPacketLifeTime": -1},
        {"protocol": "x" * 65536},
        {"colour": "red"},
    ):
        with pytest.raises(TypeError):
            a.createDataChannel("x", wrong)
        with pytest.raises(TypeError):
            a.createDataChannel("x", **wrong)
    await world.close()


@simulated
async def test_closing_tells_both_sides_in_order_and_drops_what_comes_later():
    world = World()
    a, b = world.pair()
    told, remote = [], []

    def on_channel(channel):
        remote.append(channel)
        for event in ("open", "closing", "close", "error"):
            channel.on(event, lambda *_, event=event: told.append(("b", event, channel.readyState)))

    b.on("datachannel", on_channel)
    channel = a.createDataChannel("x")
    for event in ("open", "closing", "close", "error"):
        channel.on(event, lambda *_, event=event: told.append(("a", event, channel.readyState)))
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: remote and channel.readyState == "open")
    late = []
    channel.on("message", late.append)
    channel.close()
    remote[0].send("too late")
    assert channel.readyState == "closing"
    await until(lambda: channel.readyState == remote[0].readyState == "closed")
    assert [entry for entry in told if entry[0] == "a"] == [("a", "open", "open"), ("a", "close", "closed")]
    assert [event for side, event, _ in told if side == "b"] == ["open", "closing", "close"]
    assert late == []
    assert a.connectionState == "connected"
    channel.close()
    with pytest.raises(InvalidStateError):
        channel.send("x")
    await world.close()


@simulated
async def test_wrong_types_and_limits_lose_nothing():
    world = World()
    a, b = world.pair()
    received = []
    b.on("datachannel", lambda channel: channel.on("message", received.append))
    channel = a.createDataChannel("x")
    await exchange(a, b)
    await until(lambda: channel.readyState == "open")
    channel.send("before")
    for wrong in (5, None, ["x"], bytes(262145)):
        with pytest.raises(TypeError):
            channel.send(wrong)
    with pytest.raises(ValueError, match="unsigned"):
        channel.bufferedAmountLowThreshold = -1
    lows = []
    channel.bufferedAmountLowThreshold = 10
    channel.onbufferedamountlow = lambda: lows.append(channel.bufferedAmount)
    for message in ("", b"", bytes(262144), bytearray(b"x"), memoryview(b"y")):
        channel.send(message)
    assert channel.bufferedAmount > 262144
    await until(lambda: len(received) == 6)
    assert received == ["before", "", b"", bytes(262144), b"x", b"y"]
    assert len(lows) == 1
    assert lows[0] <= 10
    await world.close()


@simulated
async def test_a_message_costs_each_side_one_pull():
    """Each further one would be a loop turn of latency, and its CPU time, for every message."""
    world = World()
    a, b = world.pair()
    b.on("datachannel", lambda channel: channel.on("message", channel.send))
    channel = a.createDataChannel("x")
    await exchange(a, b)
    await connected(a, b)
    await until(lambda: channel.readyState == "open")
    await asyncio.sleep(1)
    pulls = []
    for one in (a, b):
        bundle = one._transports.first.dtls._bundle
        bundle.packets_to_send = counted(bundle.packets_to_send, pulls)
    rest = [b"x"] * 20
    channel.on("message", lambda _: rest and channel.send(rest.pop()))
    channel.send(b"x")
    await until(lambda: not rest)
    hops = 2 * 20 + 1
    assert len(pulls) < 1.5 * hops  # timers look, too
    await world.close()


def counted(function, calls):
    def call(now):
        calls.append(now)
        return function(now)

    return call
