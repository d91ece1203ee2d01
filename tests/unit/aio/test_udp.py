import errno
import gc
import weakref
from typing import Any

import pytest

from rtcpeer.aio import udp
from rtcpeer.aio.gso import Offload
from rtcpeer.aio.udp import MAX_CACHED_ADDRESSES, MAX_DATAGRAMS, MAX_READS, UdpEndpoint, UdpSocket
from rtcpeer.core import Datagrams, TransportAddress
from tests.unit.aio.fakes import FakeLoop, FakeSocket

LOCAL = TransportAddress("192.0.2.1", 5000)
REMOTE = TransportAddress("192.0.2.2", 6000)
A = ("192.0.2.2", 6000)
B = ("192.0.2.3", 7000)


class Rig:
    def __init__(self, sock: FakeSocket | None = None) -> None:
        self.loop = FakeLoop()
        self.sock = sock or FakeSocket()
        self.got: list[Datagrams] = []
        self.writable = 0
        self.drained = 0
        self.refused: list[tuple[TransportAddress, TransportAddress, int]] = []
        self.port = UdpSocket(
            self.sock,  # type: ignore[arg-type]
            self.take,
            self.note_writable,
            self.loop,  # type: ignore[arg-type]
            self.note_drained,
            lambda *refusal: self.refused.append(refusal),
        )

    def take(self, datagrams: Datagrams) -> None:
        self.got.append(datagrams)

    def note_writable(self) -> None:
        self.writable += 1

    def note_drained(self) -> None:
        self.drained += 1

    def readable(self) -> None:
        self.loop.readers[self.sock.fileno()]()

    @property
    def calls(self) -> list[tuple[int, int | None]]:
        return [(len(payloads), segment) for payloads, segment, _ in self.sock.sent]


@pytest.fixture
def offload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "offload", lambda: Offload(segment=True, coalesce=True))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "offload", lambda: Offload(segment=False, coalesce=False))


@pytest.mark.usefixtures("offload")
class TestSendingWithOffload:
    def test_equal_sizes_share_a_call(self) -> None:
        rig = Rig()
        payloads = [b"a" * 100] * 70 + [b"b" * 50] + [b"c" * 200] * 2 + [b""]
        assert rig.port.send(REMOTE, payloads) == len(payloads)
        assert rig.calls == [(64, 100), (7, 100), (2, 200), (1, None)]
        assert [payload for run, _, _ in rig.sock.sent for payload in run] == payloads
        assert {address for _, _, address in rig.sock.sent} == {A}
        assert rig.port.statistics().datagrams_sent == len(payloads)
        assert rig.port.statistics().bytes_sent == sum(map(len, payloads))

    @pytest.mark.parametrize("failure", [errno.EMSGSIZE, errno.EINVAL, errno.EIO])
    def test_a_refusal_to_segment_turns_it_off_and_loses_nothing(self, failure: int) -> None:
        rig = Rig()
        rig.sock.failures.append(failure)
        assert rig.port.send(REMOTE, [b"a" * 100] * 3) == 3
        assert rig.port.send(REMOTE, [b"b" * 100] * 2) == 2
        assert rig.calls == [(1, None)] * 5
        assert rig.port.statistics().send_errors == 0

    def test_a_refusal_on_one_socket_leaves_the_others_alone(self) -> None:
        first, second = Rig(), Rig()
        first.sock.failures.append(errno.EIO)
        first.port.send(REMOTE, [b"a"] * 2)
        second.port.send(REMOTE, [b"a"] * 2)
        assert second.calls == [(2, 1)]

    def test_a_full_socket_takes_whole_runs(self) -> None:
        rig = Rig()
        rig.sock.failures.extend([None, errno.EAGAIN])
        assert rig.port.send(REMOTE, [b"a" * 100] * 100) == 64


@pytest.mark.usefixtures("plain")
class TestSendingPlain:
    def test_one_call_each(self) -> None:
        rig = Rig()
        assert rig.port.send(REMOTE, [b"a", b"b"]) == 2
        assert rig.calls == [(1, None), (1, None)]

    def test_a_full_socket_is_back_pressure_until_it_is_writable(self) -> None:
        rig = Rig()
        rig.sock.failures.extend([None, errno.EAGAIN])
        assert rig.port.send(REMOTE, [b"a", b"b", b"c"]) == 1
        assert rig.port.send(REMOTE, [b"b"]) == 0
        assert rig.writable == 0
        rig.loop.writers[rig.sock.fileno()]()
        assert rig.writable == 1
        assert rig.loop.writers == {}
        assert rig.port.send(REMOTE, [b"b", b"c"]) == 2
        assert [run for run, _, _ in rig.sock.sent] == [[b"a"], [b"b"], [b"c"]]
        assert rig.port.statistics().send_errors == 0

    def test_a_full_device_queue_is_tried_again_after_a_moment(self) -> None:
        rig = Rig()
        rig.sock.failures.append(errno.ENOBUFS)
        assert rig.port.send(REMOTE, [b"a"]) == 0
        assert rig.loop.writers == {}
        rig.loop.advance(0.01)
        assert rig.writable == 1
        assert rig.port.send(REMOTE, [b"a"]) == 1

    @pytest.mark.parametrize(
        "failure",
        [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPERM, errno.EMSGSIZE, errno.EADDRNOTAVAIL],
    )
    def test_what_the_network_refuses_is_counted_and_the_rest_goes_out(self, failure: int) -> None:
        rig = Rig()
        rig.sock.failures.append(failure)
        assert rig.port.send(REMOTE, [b"a", b"b"]) == 2
        assert [run for run, _, _ in rig.sock.sent] == [[b"b"]]
        assert rig.port.statistics().send_errors == 1
        # From the loop, for it is the core that is being asked for packets.
        assert rig.refused == []
        for handle in rig.loop.pending:
            handle.run()
        says_something_of_the_way = failure not in {errno.EMSGSIZE, errno.ECONNREFUSED}
        assert rig.refused == ([(rig.port.local, REMOTE, failure)] if says_something_of_the_way else [])

    def test_nothing_is_told_of_a_refusal_after_the_end(self) -> None:
        rig = Rig()
        rig.sock.failures.append(errno.ENETUNREACH)
        rig.port.send(REMOTE, [b"a"])
        rig.port.close()
        for handle in rig.loop.pending:
            handle.run()
        assert rig.refused == []

    @pytest.mark.parametrize(
        "remote",
        [
            TransportAddress("peer.local", 6000),  # a name: looking it up would block
            TransportAddress("2001:db8::1", 6000),  # another family
            TransportAddress("192.0.2.2", 0),
            TransportAddress("192.0.2.2", 65536),
            TransportAddress("192.0.2.2\0", 6000),
            TransportAddress("", 6000),  # would be 0.0.0.0: ourselves
        ],
    )
    def test_what_is_no_address_of_this_family_never_reaches_the_system(self, remote: TransportAddress) -> None:
        rig = Rig()
        assert rig.port.send(remote, [b"a", b"b"]) == 2
        assert rig.sock.sent == []
        assert rig.port.statistics().send_errors == 2

    def test_caches_are_bounded(self) -> None:
        rig = Rig()
        for number in range(1, 3 * MAX_CACHED_ADDRESSES):
            rig.port.send(TransportAddress("192.0.2.2", number), [b"a"])
            rig.sock.inbox.append((b"x", 0, ("192.0.2.2", number)))
            rig.readable()
        assert len(rig.port._sockaddrs) <= MAX_CACHED_ADDRESSES
        assert len(rig.port._remotes) <= MAX_CACHED_ADDRESSES
        assert len(rig.got) == 3 * MAX_CACHED_ADDRESSES - 1


@pytest.mark.usefixtures("offload")
class TestReceivingWithOffload:
    def test_a_coalesced_buffer_is_cut(self) -> None:
        rig = Rig()
        rig.sock.inbox.append((b"aaabbbc", 3, A))
        rig.readable()
        assert rig.got == [Datagrams(LOCAL, REMOTE, [b"aaa", b"bbb", b"c"])]
        assert all(type(payload) is bytes for payload in rig.got[0].payloads)
        assert rig.port.statistics().datagrams_received == 3
        assert rig.port.statistics().bytes_received == 7

    @pytest.mark.parametrize("segment", [0, 5, 6, -1])
    def test_what_is_one_datagram_stays_one(self, segment: int) -> None:
        rig = Rig()
        control = segment & 0xFFFFFFFF
        rig.sock.inbox.append((b"hello", control, A))
        rig.readable()
        assert [datagrams.payloads for datagrams in rig.got] == [[b"hello"]]

    def test_delivered_payloads_do_not_change_with_the_next_read(self) -> None:
        rig = Rig()
        rig.sock.inbox.extend([(b"aa", 0, A), (b"bb", 0, A)])
        rig.readable()
        assert rig.got[0].payloads == [b"aa", b"bb"]

    def test_a_wake_up_reads_a_bounded_number_of_datagrams(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(udp, "MAX_READ_TIME", 60.0)  # on a busy machine time would be the first bound
        rig = Rig()
        rig.sock.inbox.extend([(b"a" * 64, 1, A)] * 10)
        rig.readable()
        assert len(rig.got[0].payloads) == MAX_DATAGRAMS
        rig.readable()
        rig.readable()
        assert rig.port.statistics().datagrams_received == 640

    def test_a_socket_that_refuses_to_coalesce_is_read_plainly(self) -> None:
        sock = FakeSocket()
        sock.refused_options = {104}
        rig = Rig(sock)
        rig.sock.inbox.append((b"a", 0, A))
        rig.readable()
        assert rig.got == [Datagrams(LOCAL, REMOTE, [b"a"])]


@pytest.mark.usefixtures("plain")
class TestReceivingPlain:
    def test_datagrams_of_one_remote_in_a_row_are_one_call(self) -> None:
        rig = Rig()
        rig.sock.inbox.extend([(b"1", 0, A), (b"2", 0, A), (b"3", 0, B), (b"4", 0, A)])
        rig.readable()
        assert rig.got == [
            Datagrams(LOCAL, REMOTE, [b"1", b"2"]),
            Datagrams(LOCAL, TransportAddress(*B), [b"3"]),
            Datagrams(LOCAL, REMOTE, [b"4"]),
        ]
        assert rig.drained == 1
        rig.readable()
        assert rig.drained == 1  # there was nothing to read

    def test_after_a_lone_datagram_the_next_is_answered_before_more_is_read(self) -> None:
        rig = Rig()
        left: list[int] = []
        rig.port._on_drained = lambda: left.append(len(rig.sock.inbox))
        rig.sock.inbox.append((b"1", 0, A))
        rig.readable()
        rig.sock.inbox.extend([(b"2", 0, A), (b"3", 0, A), (b"4", 0, A)])
        rig.readable()
        assert left == [0, 2, 0]
        rig.sock.inbox.extend([(b"5", 0, A), (b"6", 0, A)])
        rig.readable()  # the last wake-up had more than one
        assert left == [0, 2, 0, 0]
        assert [datagrams.payloads for datagrams in rig.got] == [[b"1"], [b"2"], [b"3", b"4"], [b"5", b"6"]]

    def test_closing_while_a_lone_datagram_is_answered(self) -> None:
        rig = Rig()
        rig.readable()  # nothing came: the socket is quiet
        rig.port._on_drained = rig.port.close
        rig.sock.inbox.extend([(b"1", 0, A), (b"2", 0, A)])
        rig.readable()
        assert [datagrams.payloads for datagrams in rig.got] == [[b"1"]]

    def test_a_wake_up_makes_a_bounded_number_of_reads(self) -> None:
        rig = Rig()
        rig.sock.inbox.extend([(b"1", 0, A)] * (MAX_READS + 1))
        rig.readable()
        assert len(rig.sock.inbox) == 1
        rig.readable()
        assert [len(datagrams.payloads) for datagrams in rig.got] == [MAX_READS, 1]

    def test_a_wake_up_takes_a_bounded_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        times = iter([0.0, 0.001, 0.1])
        monkeypatch.setattr(udp.time, "monotonic", lambda: next(times))
        rig = Rig()
        rig.sock.inbox.extend([(b"1", 0, A)] * 5)
        rig.readable()
        assert len(rig.sock.inbox) == 3

    def test_empty_datagrams_are_passed_over(self) -> None:
        rig = Rig()
        rig.sock.inbox.extend([(b"", 0, A), (b"1", 0, A), (b"", 0, B)])
        rig.readable()
        assert rig.got == [Datagrams(LOCAL, REMOTE, [b"1"])]

    def test_an_icmp_error_is_counted_and_reading_goes_on(self) -> None:
        rig = Rig()
        rig.sock.inbox.extend([ConnectionRefusedError(errno.ECONNREFUSED, "refused"), (b"1", 0, A)])
        rig.readable()
        assert [datagrams.payloads for datagrams in rig.got] == [[b"1"]]
        assert rig.port.statistics().receive_errors == 1

    def test_the_zone_is_no_part_of_an_address(self) -> None:
        rig = Rig(FakeSocket(("fe80::1%eth0", 5000, 0, 2)))
        rig.sock.inbox.append((b"1", 0, ("fe80::2%eth0", 6000, 0, 2)))
        rig.readable()
        assert rig.got == [Datagrams(TransportAddress("fe80::1", 5000), TransportAddress("fe80::2", 6000), [b"1"])]

    def test_a_failing_handler_is_reported_and_costs_only_its_run(self) -> None:
        rig = Rig()
        seen: list[bytes] = []

        def take(datagrams: Datagrams) -> None:
            seen.extend(datagrams.payloads)
            if datagrams.remote == REMOTE:
                raise ValueError("handler")

        rig.port._on_datagrams = take
        rig.sock.inbox.extend([(b"1", 0, A), (b"2", 0, B)])
        rig.readable()
        assert seen == [b"1", b"2"]
        assert [str(problem["exception"]) for problem in rig.loop.problems] == ["handler"]

    def test_closing_while_datagrams_are_delivered(self) -> None:
        rig = Rig()
        seen: list[Datagrams] = []

        def take(datagrams: Datagrams) -> None:
            seen.append(datagrams)
            rig.port.close()

        rig.port._on_datagrams = take
        rig.sock.inbox.extend([(b"1", 0, A), (b"2", 0, B), (b"3", 0, A)])
        rig.readable()
        assert [datagrams.payloads for datagrams in seen] == [[b"1"]]
        assert rig.port.statistics().receive_errors == 0


class TestClosing:
    def test_it_releases_everything_once(self) -> None:
        rig = Rig()
        rig.sock.failures.append(errno.ENOBUFS)
        rig.port.send(REMOTE, [b"a"])
        rig.port.close()
        rig.port.close()
        assert rig.sock.is_closed
        assert (rig.loop.readers, rig.loop.writers, rig.loop.pending) == ({}, {}, [])
        assert rig.port.send(REMOTE, [b"a", b"b"]) == 2
        assert rig.sock.sent == []

    def test_a_wait_for_room_ends(self) -> None:
        rig = Rig()
        rig.sock.failures.append(errno.EAGAIN)
        rig.port.send(REMOTE, [b"a"])
        rig.port.close()
        assert rig.loop.writers == {}

    def test_nothing_is_left_for_the_cycle_collector(self) -> None:
        rig = Rig()
        rig.port.close()
        gone = [weakref.ref(rig), weakref.ref(rig.port)]
        gc.disable()
        try:
            del rig
            assert [reference() for reference in gone] == [None, None]
        finally:
            gc.enable()


class FakeTransport:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []
        self.is_aborted = False

    def sendto(self, data: bytes, address: Any) -> None:
        self.sent.append((data, address))

    def is_closing(self) -> bool:
        return self.is_aborted

    def abort(self) -> None:
        self.is_aborted = True


class TestEndpoint:
    def setup_method(self) -> None:
        self.loop = FakeLoop()
        self.got: list[Datagrams] = []
        self.writable: list[bool] = []
        self.transport = FakeTransport()
        self.drained: list[int] = []
        self.port = UdpEndpoint(
            LOCAL,
            self.got.append,
            lambda: self.writable.append(True),
            self.loop,  # type: ignore[arg-type]
            lambda: self.drained.append(len(self.got)),
        )
        self.port.connection_made(self.transport)  # type: ignore[arg-type]

    def test_sending_and_back_pressure(self) -> None:
        sendto = self.transport.sendto

        def fill_up(data: bytes, address: Any) -> None:
            sendto(data, address)
            self.port.pause_writing()

        self.transport.sendto = fill_up  # type: ignore[method-assign]
        assert self.port.send(REMOTE, [b"a", b"b"]) == 1
        assert self.port.send(REMOTE, [b"b"]) == 0
        self.port.resume_writing()
        assert self.writable == [True]
        assert self.port.send(REMOTE, [b"b"]) == 1
        assert self.transport.sent == [(b"a", A), (b"b", A)]
        assert self.port.statistics().datagrams_sent == 2

    def test_receiving(self) -> None:
        self.port.datagram_received(b"hello", A)
        self.port.datagram_received(b"", A)
        self.port.error_received(ConnectionRefusedError())
        assert self.got == [Datagrams(LOCAL, REMOTE, [b"hello"])]
        assert self.drained == [1]
        assert self.port.statistics().datagrams_received == 1
        assert self.port.statistics().receive_errors == 1

    def test_a_name_is_never_looked_up(self) -> None:
        assert self.port.send(TransportAddress("peer.local", 6000), [b"a"]) == 1
        assert self.transport.sent == []
        assert self.port.statistics().send_errors == 1

    def test_closing(self) -> None:
        self.port.close()
        self.port.close()
        assert self.transport.is_aborted
        assert self.port.send(REMOTE, [b"a"]) == 1
        self.port.datagram_received(b"late", A)
        assert (self.transport.sent, self.got) == ([], [])
