from rtcpeer.sctp.send_queue import LimitedMessage, Message, SendQueue


def order(queue: SendQueue) -> list[bytes]:
    sent = []
    while queue.ring:
        sent.append(queue.ring[0].messages[0].data)
        queue.finish()
    return sent


def test_round_robin_by_message() -> None:
    queue = SendQueue()
    for data in (b"a1", b"a2", b"a3"):
        queue.push(Message(queue.stream(1), 53, data, 0))
    for data in (b"b1", b"b2"):
        queue.push(Message(queue.stream(2), 53, data, 0))
    assert order(queue) == [b"a1", b"b1", b"a2", b"b2", b"a3"]


def test_pause_holds_back_what_comes_later() -> None:
    queue = SendQueue()
    queue.push(Message(queue.stream(1), 53, b"before", 0))
    queue.stream(1).next_ssn = 7
    queue.pause([1])
    queue.push(Message(queue.stream(1), 53, b"after", 0))
    assert queue.drained == []
    assert order(queue) == [b"before"]
    assert queue.drained == [1]
    queue.resume([1], is_reset=True)
    assert queue.stream(1).next_ssn == 0
    assert order(queue) == [b"after"]


def test_low_threshold_is_an_edge() -> None:
    queue = SendQueue()
    stream = queue.stream(1)
    stream.low_threshold = 10
    stream.buffered = 30
    queue.account(stream, 10)
    assert queue.fallen == []
    queue.account(stream, 10)
    queue.account(stream, 10)
    assert queue.fallen == [1]


def test_lifetime_begins_with_the_first_pull() -> None:
    queue = SendQueue()
    message = LimitedMessage(queue.stream(1), 53, b"x", 0, None, 0.5)
    queue.push(message)
    assert not message.is_expired(1e9)
    queue.stamp(100.0)
    queue.stamp(200.0)
    assert not message.is_expired(100.4)
    assert message.is_expired(100.5)
