from rtcpeer.stun import Transaction

REQUEST = bytes(8) + b"0123456789ab"


def run(transaction, now=0.0):
    """The moments of transmission and the moment of expiry."""
    sent = []
    while not transaction.is_expired(now):
        if transaction.poll(now) is not None:
            sent.append(now)
        now = transaction.next_timeout()
    return sent, now


def test_schedule_of_the_rfc():
    assert run(Transaction(REQUEST)) == ([0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5], 39.5)


def test_single_request_waits_the_last_wait():
    assert run(Transaction(REQUEST, max_requests=1, last_wait_factor=4)) == ([0], 2.0)


def test_nothing_before_it_is_due():
    transaction = Transaction(REQUEST)
    assert transaction.poll(10.0) == REQUEST
    assert transaction.poll(10.49) is None
    assert transaction.poll(10.5) == REQUEST
    assert transaction.transaction_id == b"0123456789ab"


def test_a_late_owner_sends_no_burst():
    transaction = Transaction(REQUEST)
    transaction.poll(0.0)
    assert transaction.poll(20.0) == REQUEST
    assert transaction.poll(20.0) is None
    assert transaction.next_timeout() == 21.0


def test_stop_sending_still_waits_as_long():
    transaction = Transaction(REQUEST)
    for now in (0.0, 0.5):
        transaction.poll(now)
    transaction.stop_sending()
    assert transaction.next_timeout() == 39.5
    assert transaction.poll(39.4) is None
    assert not transaction.is_expired(39.4)
    assert transaction.is_expired(39.5)
    transaction.stop_sending()
    assert transaction.next_timeout() == 39.5


def test_restart_runs_the_whole_schedule_anew():
    transaction = Transaction(REQUEST)
    for now in (0.0, 0.5):
        transaction.poll(now)
    transaction.restart(1.0)
    sent, expired = run(transaction, 1.0)
    assert sent == [1.0, 1.5, 2.5, 4.5, 8.5, 16.5, 32.5]
    assert expired == 40.5


def test_postpone():
    transaction = Transaction(REQUEST)
    transaction.poll(0.0)
    transaction.postpone(3.0)
    assert transaction.poll(3.4) is None
    assert transaction.next_timeout() == 3.5
