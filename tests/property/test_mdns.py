"""Whatever comes from the link: what we write is what is read, and nothing else does any harm."""

import contextlib
import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.core import Datagrams, TransportAddress
from rtcpeer.errors import MalformedPacketError
from rtcpeer.ice.dns import DnsMessage, Question, Record, RecordType, address_record, nsec_record
from rtcpeer.ice.mdns import PORT, Mdns, NameResolved

NAME = "8c1d0e5a-57f1-4b0a-9d0c-1f6f5d1c7a10.local"
LINK = TransportAddress("192.0.2.1", PORT)
PEER = TransportAddress("192.0.2.2", PORT)

labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
questions = st.builds(Question, names, st.integers(0, 0xFFFF), st.booleans())
records = st.builds(
    Record, names, st.integers(0, 0xFFFF), st.binary(max_size=40), st.integers(0, 0xFFFFFFFF), st.booleans()
)
messages = st.builds(
    DnsMessage,
    st.booleans(),
    st.lists(questions, max_size=4).map(tuple),
    st.lists(records, max_size=4).map(tuple),
    st.lists(records, max_size=4).map(tuple),
    st.integers(0, 0xFFFF),
)
addresses = st.ip_addresses().map(str)


def busy() -> Mdns:
    core = Mdns()
    core.set_links([LINK])
    core.responder.publish("ours.local", "192.0.2.1")
    core.resolver.resolve(NAME, 2.0)
    core.packets_to_send(0.0)
    return core


def still_works(core: Mdns) -> None:
    core.receive(
        Datagrams(LINK, PEER, [DnsMessage(True, answers=(address_record(NAME, "192.0.2.2", 120),)).serialize()]), 1.5
    )
    assert NameResolved(NAME, ("192.0.2.2",)) in core.poll_events()


@given(messages)
@settings(max_examples=150)
def test_round_trip(message: DnsMessage) -> None:
    assert DnsMessage.parse(message.serialize()) == message


@given(messages)
@settings(max_examples=50)
def test_every_truncation_is_malformed(message: DnsMessage) -> None:
    data = message.serialize()
    for length in range(len(data)):
        with pytest.raises(MalformedPacketError):
            DnsMessage.parse(data[:length])


@given(st.lists(st.binary(max_size=120), max_size=5), st.integers(0, 0xFFFF))
@settings(max_examples=150)
def test_random_bytes_do_no_harm(payloads: list[bytes], port: int) -> None:
    core = busy()
    core.receive(Datagrams(LINK, TransportAddress("192.0.2.2", port), payloads), 1.0)
    core.packets_to_send(1.0)
    still_works(core)


@given(messages, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6), st.integers(0, 0xFFFF))
@settings(max_examples=200)
def test_mutated_messages_do_no_harm(message: DnsMessage, changes: list[tuple[int, int]], port: int) -> None:
    data = bytearray(message.serialize())
    for index, value in changes:
        data[index % len(data)] = value
    core = busy()
    core.receive(Datagrams(LINK, TransportAddress("192.0.2.2", port), [bytes(data)]), 1.0)
    core.packets_to_send(1.0)
    still_works(core)


@given(st.binary(min_size=1, max_size=400).map(lambda tail: bytes([0, 0, 0x84, 0, 0, 40, 0, 40, 0, 0, 0, 40]) + tail))
@settings(max_examples=150)
def test_names_with_pointers_end(data: bytes) -> None:
    with contextlib.suppress(MalformedPacketError):
        DnsMessage.parse(data)


@given(addresses, st.integers(1, 0xFFFFFFFF))
@settings(max_examples=100)
def test_addresses_come_back(address: str, ttl: int) -> None:
    record = address_record(NAME, address, ttl)
    nsec = nsec_record(NAME, {record.type}, ttl)
    message = DnsMessage.parse(DnsMessage(True, answers=(record,), additional=(nsec,)).serialize())
    assert message.answers[0].address == str(ipaddress.ip_address(address))
    assert message.additional[0].type == RecordType.NSEC
