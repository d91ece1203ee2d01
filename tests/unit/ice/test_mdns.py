import random
import re

import pytest

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.ice import mdns
from rtcpeer.ice.dns import DnsMessage, Question, Record, RecordType, address_record
from rtcpeer.ice.mdns import (
    GROUP_IPV4,
    GROUP_IPV6,
    PORT,
    Mdns,
    MdnsEvent,
    MdnsResolver,
    MdnsResponder,
    NameResolved,
    NameUnresolved,
    generate_name,
    is_resolvable,
)

NAME = "8c1d0e5a-57f1-4b0a-9d0c-1f6f5d1c7a10.local"
OTHER = "7f3b2c11-0b6e-4ad2-8f55-2c4e1a0b9d77.local"
LINK4 = TransportAddress("192.0.2.1", PORT)
LINK6 = TransportAddress("fe80::1", PORT)
PEER = TransportAddress("192.0.2.2", PORT)


def resolver(*links: TransportAddress) -> MdnsResolver:
    made = MdnsResolver()
    made.links = list(links or (LINK4,))
    return made


def asked(packets: list[Datagrams]) -> list[tuple[TransportAddress, Question]]:
    """Who was asked what, one question a message."""
    found = []
    for packet in packets:
        for payload in packet.payloads:
            message = DnsMessage.parse(payload)
            assert not message.is_response
            (question,) = message.questions
            found.append((packet.remote, question))
    return found


def response(*records: Record, additional: tuple[Record, ...] = ()) -> bytes:
    return DnsMessage(True, answers=records, additional=additional).serialize()


def a(name: str = NAME, address: str = "192.0.2.2", ttl: int = 120) -> Record:
    return address_record(name, address, ttl)


def hear(core: MdnsResolver, payload: bytes, remote: TransportAddress = PEER) -> list[MdnsEvent]:
    core.receive(Datagrams(LINK4, remote, [payload]), 0.1)
    return core.poll_events()


class TestNames:
    def test_generated_names_are_version_4_uuids(self) -> None:
        entropy = random.Random(1).randbytes
        names = {generate_name(entropy) for _ in range(50)}
        assert len(names) == 50
        for name in names:
            assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.local", name)
            assert is_resolvable(name)

    @pytest.mark.parametrize("address", [NAME, NAME.upper(), "a.local", "x" * 63 + ".local"])
    def test_resolvable(self, address: str) -> None:
        assert is_resolvable(address)

    @pytest.mark.parametrize(
        "address",
        [
            "",
            ".local",
            "local",
            "a.b.local",
            "a.local.",
            "192.0.2.1",
            "fe80::1",
            "a.example",
            "\u00e4.local",
            "x" * 64 + ".local",
        ],
    )
    def test_not_resolvable(self, address: str) -> None:
        assert not is_resolvable(address)


class TestResolver:
    def test_asks_three_times_on_every_link_and_gives_up(self) -> None:
        core = resolver(LINK4, LINK6)
        core.resolve(NAME, 2.0)
        times: list[float] = []
        now = 10.0
        while (due := core.next_timeout()) is not None:
            now = max(now, due)
            core.handle_timeout(now)
            packets = core.packets_to_send(now)
            if packets:
                times.append(now)
                is_first = len(times) == 1
                assert [packet.local for packet in packets] == [LINK4, LINK6]
                assert asked(packets) == [
                    (group, Question(NAME, kind, wants_unicast=is_first))
                    for group in (GROUP_IPV4, GROUP_IPV6)
                    for kind in (RecordType.A, RecordType.AAAA)
                ]
        assert times == [10.0, 10.25, 10.75]
        assert now == 12.0
        assert core.poll_events() == [NameUnresolved(NAME)]
        assert (core.questions_sent, core.names_unresolved) == (12, 1)

    def test_asks_for_no_unicast_where_the_port_is_shared(self) -> None:
        core = resolver()
        core.prefers_unicast = False
        core.resolve(NAME, 2.0)
        assert [question.wants_unicast for _, question in asked(core.packets_to_send(0.0))] == [False, False]

    def test_after_a_blocked_loop_nothing_is_asked_twice(self) -> None:
        core = resolver()
        core.resolve(NAME, 9.0)
        core.packets_to_send(0.0)
        assert len(asked(core.packets_to_send(5.0))) == 2
        assert core.packets_to_send(5.0) == []
        assert core.next_timeout() == 9.0

    def test_a_short_time_ends_before_the_questions_do(self) -> None:
        core = resolver()
        core.resolve(NAME, 0.1)
        core.packets_to_send(0.0)
        assert core.next_timeout() == pytest.approx(0.1)
        core.handle_timeout(0.1)
        assert core.poll_events() == [NameUnresolved(NAME)]

    @pytest.mark.parametrize(("address", "expected"), [("192.0.2.2", "192.0.2.2"), ("fd00::0:2", "fd00::2")])
    def test_takes_an_answer(self, address: str, expected: str) -> None:
        core = resolver()
        core.resolve(NAME.upper(), 2.0)
        core.packets_to_send(0.0)
        assert hear(core, response(a(address=address))) == [NameResolved(NAME, (expected,))]
        assert core.next_timeout() is None
        assert core.packets_to_send(1.0) == []

    def test_one_address_of_each_family(self) -> None:
        core = resolver()
        core.resolve(NAME, 2.0)
        records = (a(address="fd00::2"), a(address="192.0.2.2"), a(address="192.0.2.3"), a(address="fd00::3"))
        assert hear(core, response(*records)) == [NameResolved(NAME, ("fd00::2", "192.0.2.2"))]

    def test_an_address_beside_an_nsec_record(self) -> None:
        core = resolver()
        core.resolve(NAME, 2.0)
        nsec = Record(NAME, RecordType.NSEC, bytes.fromhex("c00c 00 01 40"), 120, is_flush=True)
        assert hear(core, response(nsec, additional=(a(),))) == [NameResolved(NAME, ("192.0.2.2",))]

    @pytest.mark.parametrize(
        "payload",
        [
            response(a(OTHER)),
            response(a(ttl=0)),
            response(Record(NAME, RecordType.A, bytes(3), 120)),
            response(Record(NAME, RecordType.NSEC, bytes.fromhex("c00c 00 01 40"), 120)),
            response(Record(NAME, 16, b"\x03txt", 120)),
            response(),
        ],
        ids=["another name", "goodbye", "wrong length", "NSEC", "TXT", "empty"],
    )
    def test_ignores(self, payload: bytes) -> None:
        core = resolver()
        core.resolve(NAME, 2.0)
        assert hear(core, payload) == []
        assert core.responses_ignored == 1
        assert hear(core, response(a())) == [NameResolved(NAME, ("192.0.2.2",))]

    def test_ignores_responses_from_other_ports(self) -> None:
        core = resolver()
        core.resolve(NAME, 2.0)
        assert hear(core, response(a()), TransportAddress("192.0.2.2", 40000)) == []
        assert core.responses_ignored == 1

    def test_ignores_answers_that_nobody_waits_for(self) -> None:
        core = resolver()
        core.resolve(NAME, 2.0)
        core.cancel(NAME)
        assert core.next_timeout() is None
        assert hear(core, response(a())) == []

    def test_counts_malformed_responses(self) -> None:
        core = resolver()
        core.resolve(NAME, 2.0)
        good = response(a())
        for payload in (good[:-1], b"\0\0\x84\0" + b"\xff" * 8, good[:12]):
            assert hear(core, payload) == []
        assert core.malformed_packets == 3
        assert hear(core, good)

    def test_a_name_asked_twice_has_the_longer_time_and_one_outcome(self) -> None:
        core = resolver()
        core.resolve(NAME, 1.0)
        core.packets_to_send(0.0)
        core.resolve(NAME, 3.0)
        core.resolve(NAME, 2.0)
        core.handle_timeout(2.9)
        assert core.poll_events() == []
        core.handle_timeout(3.0)
        assert core.poll_events() == [NameUnresolved(NAME)]

    def test_many_names_are_asked_one_after_the_other(self) -> None:
        core = resolver()
        for index in range(4):
            core.resolve(f"n{index}.local", 2.0)
        started = []
        now = 0.0
        while len(started) < 4:
            for _, question in asked(core.packets_to_send(now))[::2]:
                started.append((question.name, now))
            due = core.next_timeout()
            assert due is not None
            now = max(now, due)
        assert started == [(f"n{index}.local", pytest.approx(index * mdns.QUERY_INTERVAL)) for index in range(4)]

    def test_names_are_bounded(self) -> None:
        core = resolver()
        for index in range(mdns.MAX_NAMES):
            core.resolve(f"n{index}.local", 2.0)
        assert core.poll_events() == []
        core.resolve(NAME, 2.0)
        assert core.poll_events() == [NameUnresolved(NAME)]
        assert core.names_refused == 1

    def test_what_is_no_mdns_name_is_never_asked_for(self) -> None:
        core = resolver()
        core.resolve("stun.example.org", 2.0)
        assert core.packets_to_send(0.0) == []
        assert core.poll_events() == [NameUnresolved("stun.example.org")]


def responder(*links: TransportAddress) -> MdnsResponder:
    """One that has said all that it says unasked, long before 100.0."""
    made = MdnsResponder()
    made.links = list(links or (LINK4,))
    made.publish(NAME, "192.0.2.1")
    made.packets_to_send(0.0)
    made.packets_to_send(1.0)
    return made


def query(*names: str, kind: int = RecordType.A, wants_unicast: bool = False, known: tuple[Record, ...] = ()) -> bytes:
    questions = tuple(Question(name, kind, wants_unicast) for name in names)
    return DnsMessage(questions=questions, answers=known).serialize()


def ask(
    core: MdnsResponder,
    payload: bytes,
    now: float = 100.0,
    remote: TransportAddress = PEER,
    link: TransportAddress = LINK4,
) -> list[tuple[TransportAddress, DnsMessage]]:
    core.receive(Datagrams(link, remote, [payload]), now)
    packets = core.packets_to_send(now)
    assert all(packet.local == link for packet in packets)
    return [(packet.remote, DnsMessage.parse(payload)) for packet in packets for payload in packet.payloads]


class TestResponder:
    def test_answers_with_the_cache_flush_bit(self) -> None:
        ((remote, message),) = ask(responder(), query(NAME))
        assert remote == GROUP_IPV4
        assert message.is_response
        assert message.id == 0
        assert message.questions == ()
        assert message.answers == (Record(NAME, RecordType.A, bytes([192, 0, 2, 1]), 120, is_flush=True),)

    def test_says_that_there_is_nothing_else(self) -> None:
        # Whoever asks for AAAA of an IPv4 name need not wait until its time is over.
        ((_, message),) = ask(responder(), query(NAME, kind=RecordType.AAAA))
        (nsec,) = message.additional
        assert (nsec.type, nsec.data[-3:]) == (RecordType.NSEC, bytes([0, 1, 0x40]))

    def test_all_addresses_of_a_name(self) -> None:
        core = responder()
        core.publish(NAME, "fd00::1")
        core.packets_to_send(2.0)
        core.packets_to_send(3.0)
        ((_, message),) = ask(core, query(NAME, kind=RecordType.ANY))
        assert [record.address for record in message.answers] == ["192.0.2.1", "fd00::1"]

    def test_answers_on_the_link_of_the_question(self) -> None:
        core = responder(LINK4, LINK6)
        ((remote, _),) = ask(core, query(NAME), link=LINK6, remote=TransportAddress("fe80::2", PORT))
        assert remote == GROUP_IPV6

    def test_names_in_any_case(self) -> None:
        assert ask(responder(), query(NAME.upper()))

    @pytest.mark.parametrize("payload", [query(OTHER), query(), response(a(NAME))], ids=["other", "none", "response"])
    def test_is_silent(self, payload: bytes) -> None:
        assert ask(responder(), payload) == []

    def test_counts_malformed_queries(self) -> None:
        core = responder()
        assert ask(core, query(NAME)[:-1]) == []
        assert core.malformed_packets == 1

    def test_multicasts_once_a_second_and_link_and_answers_directly_meanwhile(self) -> None:
        core = responder(LINK4, LINK6)
        assert [remote for remote, _ in ask(core, query(NAME), 100.0)] == [GROUP_IPV4]
        assert [remote for remote, _ in ask(core, query(NAME), 100.9)] == [PEER]
        assert [remote for remote, _ in ask(core, query(NAME), 100.9, link=LINK6)] == [GROUP_IPV6]
        # Whoever missed the unicast answer need not ask again.
        assert core.next_timeout() == 101.0
        assert [packet.remote for packet in core.packets_to_send(101.0)] == [GROUP_IPV4]
        assert core.next_timeout() is None
        assert [remote for remote, _ in ask(core, query(NAME), 102.0)] == [GROUP_IPV4]

    def test_another_address_of_a_name_is_told_at_once(self) -> None:
        core = MdnsResponder()
        core.links = [LINK4]
        core.publish(NAME, "192.0.2.1")
        core.packets_to_send(5.0)
        core.publish(NAME, "fd00::1")
        (packet,) = core.packets_to_send(5.1)
        assert len(DnsMessage.parse(packet.payloads[0]).answers) == 2

    def test_does_not_repeat_what_is_known(self) -> None:
        # RFC 6762 section 7.1: from half of the TTL on.
        assert ask(responder(), query(NAME, known=(a(address="192.0.2.1", ttl=60),))) == []
        assert ask(responder(), query(NAME, known=(a(address="192.0.2.1", ttl=59),)))
        assert ask(responder(), query(NAME, known=(a(address="192.0.2.9", ttl=120),)))

    def test_answers_simple_resolvers_as_a_unicast_server_would(self) -> None:
        # RFC 6762 section 6.7
        core = responder()
        core.publish(NAME, "fd00::1")
        core.packets_to_send(2.0)
        core.packets_to_send(3.0)
        remote = TransportAddress("192.0.2.2", 40000)
        question = Question(NAME, RecordType.A)
        payload = DnsMessage(questions=(question,), id=0x1234).serialize()
        ((to, message),) = ask(core, payload, remote=remote)
        assert to == remote
        assert message == DnsMessage(
            True, (question,), (Record(NAME, RecordType.A, bytes([192, 0, 2, 1]), 10),), id=0x1234
        )

    def test_simple_resolvers_get_one_answer(self) -> None:
        payload = query(*[NAME] * 50)
        assert len(ask(responder(), payload, remote=TransportAddress("192.0.2.2", 40000))) == 1

    def test_announces_twice(self) -> None:
        core = MdnsResponder()
        core.links = [LINK4, LINK6]
        assert core.next_timeout() is None
        core.publish(NAME, "192.0.2.1")
        assert core.next_timeout() == float("-inf")
        first = core.packets_to_send(5.0)
        assert [packet.remote for packet in first] == [GROUP_IPV4, GROUP_IPV6]
        assert core.next_timeout() == 6.0
        assert core.packets_to_send(5.9) == []
        assert core.packets_to_send(6.0) == first
        assert core.next_timeout() is None

    def test_says_goodbye(self) -> None:
        core = responder()
        core.withdraw(NAME, "192.0.2.1")
        assert core.next_timeout() == float("-inf")
        (packet,) = core.packets_to_send(50.0)
        (record,) = DnsMessage.parse(packet.payloads[0]).answers
        assert (record.address, record.ttl) == ("192.0.2.1", 0)
        assert core.names == []
        assert ask(core, query(NAME)) == []
        core.withdraw(NAME, "192.0.2.1")
        assert core.packets_to_send(51.0) == []

    def test_a_name_published_twice_stays_until_it_is_withdrawn_twice(self) -> None:
        core = responder()
        core.publish(NAME, "192.0.2.1")
        core.withdraw(NAME, "192.0.2.1")
        ((_, message),) = ask(core, query(NAME))
        assert len(message.answers) == 1
        core.withdraw(NAME, "192.0.2.1")
        assert core.names == []

    @pytest.mark.parametrize(
        ("name", "address"), [("host.example", "192.0.2.1"), ("a.b.local", "192.0.2.1"), (OTHER, "nonsense")]
    )
    def test_refuses_what_can_not_be_published(self, name: str, address: str) -> None:
        core = responder()
        with pytest.raises(ValueError, match=r"local|address"):
            core.publish(name, address)
        assert core.names == [NAME]

    def test_a_flood_of_questions_is_bounded(self) -> None:
        core = responder()
        core.receive(Datagrams(LINK4, PEER, [query(NAME)] * 1000), 100.0)
        assert len(core.packets_to_send(100.0)) == mdns.MAX_PENDING_ANSWERS
        assert core.answers_dropped == 1000 - mdns.MAX_PENDING_ANSWERS


class TestBoth:
    def test_two_hosts(self) -> None:
        ours, theirs = Mdns(), Mdns()
        ours.set_links([LINK4])
        theirs.set_links([PEER])
        theirs.responder.publish(NAME, "192.0.2.2")
        theirs.packets_to_send(0.0)
        theirs.packets_to_send(1.0)
        ours.resolver.resolve(NAME, 2.0)
        for packet in ours.packets_to_send(10.0):
            theirs.receive(Datagrams(PEER, packet.local, packet.payloads), 10.0)
        for packet in theirs.packets_to_send(10.0):
            ours.receive(Datagrams(LINK4, packet.local, packet.payloads), 10.0)
        assert ours.poll_events() == [NameResolved(NAME, ("192.0.2.2",))]
        assert ours.next_timeout() is None
        statistics = ours.statistics()
        assert (statistics.questions_sent, statistics.names_resolved) == (2, 1)
        assert theirs.statistics().answers_sent == 4  # two announcements, and both questions

    def test_malformed_packets_are_counted_once(self) -> None:
        core = Mdns()
        packet = Datagrams(LINK4, PEER, [b"", b"\0", bytes(3), b"\0\0\x84\0"])
        core.receive(packet, 0.0)
        assert core.statistics().malformed_packets == 0  # nobody asks and nobody answers, so that nothing is read
        core.resolver.resolve(NAME, 2.0)
        core.responder.publish(OTHER, "192.0.2.1")
        core.receive(packet, 0.0)
        assert core.statistics().malformed_packets == 4

    def test_the_earlier_deadline_counts(self) -> None:
        core = Mdns()
        core.set_links([LINK4])
        assert core.next_timeout() is None
        core.resolver.resolve(NAME, 0.1)
        core.packets_to_send(0.0)
        core.responder.publish(OTHER, "192.0.2.1")
        core.packets_to_send(0.05)
        assert core.next_timeout() == pytest.approx(0.1)
        core.handle_timeout(0.1)
        assert core.next_timeout() == pytest.approx(1.05)
