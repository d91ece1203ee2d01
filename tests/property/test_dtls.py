"""Whatever arrives, whenever: nothing is raised, nothing false is believed, and what can live on does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rtcpeer.dtls import DtlsEndpoint, DtlsRole, DtlsSettings, DtlsState, HandshakeFailed
from rtcpeer.dtls.alerts import parse_alert
from rtcpeer.dtls.certificate import Fingerprint, matches_any
from rtcpeer.dtls.keys import RecordKeys
from rtcpeer.dtls.protection import AeadProtection, ReplayWindow
from rtcpeer.dtls.records import EPOCH_1, FROM_CLIENT, FROM_SERVER, handshake_is_sound, split_records
from tests.unit.dtls.link import EC_1, EC_2, Link

RECORD_TYPES = st.sampled_from([20, 21, 22, 23])


@st.composite
def record_like(draw: st.DrawFn) -> bytes:
    """A record with a right header around anything."""
    body = draw(st.binary(max_size=80))
    head = bytes([draw(RECORD_TYPES)]) + draw(st.sampled_from([b"\xfe\xfd", b"\xfe\xff"]))
    numbers = draw(st.integers(0, (EPOCH_1 << 1) - 1)).to_bytes(8, "big")
    return head + numbers + len(body).to_bytes(2, "big") + body


GARBAGE = st.one_of(st.binary(max_size=200), record_like())


@given(st.lists(GARBAGE, max_size=5))
def test_records_are_cut_without_a_raise_and_without_a_gap(parts):
    records, is_sound = split_records(b"".join(parts))
    for record in records:
        assert int.from_bytes(record.raw[11:13], "big") == len(record.body)
        parse_alert(record.body)
        handshake_is_sound(record, FROM_CLIENT)
        handshake_is_sound(record, FROM_SERVER)
    if is_sound:
        assert b"".join(record.raw for record in records) == b"".join(parts)


@given(st.binary(max_size=1500))
def test_seal_and_open_are_inverse(data):
    one, other = RecordKeys(b"a" * 16, b"salt"), RecordKeys(b"b" * 16, b"SALT")
    assert AeadProtection(other, one, 64).open(AeadProtection(one, other, 64).seal(data)) == data


@given(st.lists(st.integers(0, 400), max_size=200), st.integers(64, 128))
def test_the_replay_window_against_a_model(numbers, size):
    window = ReplayWindow(size, 0)
    seen: set[int] = set()
    for number in numbers:
        highest = max(seen, default=-1)
        expected = number not in seen and number > highest - size
        assert window.is_new(number) == expected
        if expected:
            window.note(number)
            seen.add(number)


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=100)), max_size=4))
def test_no_made_up_fingerprint_matches(pairs):
    assert not matches_any(EC_1.der, [Fingerprint(*pair) for pair in pairs])


@settings(max_examples=60)
@given(st.sampled_from(list(DtlsRole)), st.lists(GARBAGE, max_size=6), st.booleans())
def test_garbage_before_and_during_the_handshake_never_raises(role, garbage, own_records):
    endpoint = DtlsEndpoint(EC_1, DtlsSettings(own_records=own_records), bytes)
    endpoint.receive(garbage[0] if garbage else b"", 0.0)
    endpoint.start(role, EC_2.fingerprints)
    for index, datagram in enumerate(garbage):
        endpoint.receive(datagram, float(index))
        endpoint.handle_timeout(float(index))
        endpoint.packets_to_send(float(index))
        endpoint.next_timeout()
    assert endpoint.state is not DtlsState.CONNECTED
    assert endpoint.take_data() == []
    endpoint.close()


@settings(max_examples=60)
@given(st.lists(GARBAGE, min_size=1, max_size=6), st.booleans())
def test_garbage_does_not_disturb_a_connection(garbage, own_records):
    chosen = DtlsSettings(own_records=own_records)
    link = Link(client_settings=chosen, server_settings=chosen).connect()
    for datagram in garbage:
        link.client.receive(datagram, link.now)
    link.run()
    assert link.client.state is DtlsState.CONNECTED
    link.send(link.server, link.server.seal(b"still here"))
    link.send(link.client, link.client.seal(b"and here"))
    link.run()
    assert link.client.take_data() == [b"still here"]
    assert link.server.take_data() == [b"and here"]


@settings(max_examples=100)
@given(st.integers(0, 3), st.integers(0, 2000), st.integers(1, 255), st.booleans())
def test_a_changed_byte_in_the_handshake_never_raises_and_never_connects_wrongly(which, position, flip, own_records):
    chosen = DtlsSettings(own_records=own_records, handshake_timeout=3.0)
    link = Link(client_settings=chosen, server_settings=chosen)
    link.start()
    count = 0

    def change(sender, datagram):
        nonlocal count
        count += 1
        if count - 1 == which:
            changed = bytearray(datagram)
            changed[position % len(datagram)] ^= flip
            receiver = link.server if sender is link.client else link.client
            receiver.receive(bytes(changed), link.now)
            return True
        return False

    link.drop = change
    link.run(until=10.0)
    for peer in link.peers:
        assert peer.state in {DtlsState.CONNECTED, DtlsState.FAILED}
        if peer.state is DtlsState.FAILED:
            assert isinstance(link.events[peer][-1], HandshakeFailed)
    if link.client.state is link.server.state is DtlsState.CONNECTED:
        link.send(link.client, link.client.seal(b"through"))
        link.run()
        assert link.server.take_data() == [b"through"]


@settings(max_examples=60)
@given(st.integers(0, 3), st.integers(0, 2000))
def test_a_truncated_datagram_in_the_handshake_is_survived(which, length):
    link = Link()
    link.start()
    count = 0

    def cut(sender, datagram):
        nonlocal count
        count += 1
        if count - 1 == which:
            receiver = link.server if sender is link.client else link.client
            receiver.receive(datagram[: length % len(datagram)], link.now)
            return True
        return False

    link.drop = cut
    link.run(until=10.0)
    assert link.client.state is link.server.state is DtlsState.CONNECTED


@settings(max_examples=60)
@given(st.data(), st.booleans())
def test_changed_application_records_are_never_delivered(data, own_records):
    chosen = DtlsSettings(own_records=own_records)
    link = Link(client_settings=chosen, server_settings=chosen).connect()
    record = link.client.seal(b"payload")
    changed = bytearray(record)
    changed[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    link.server.receive(bytes(changed), link.now)
    assert link.server.take_data() == []
    link.server.receive(link.client.seal(b"next"), link.now)
    assert link.server.take_data() == [b"next"]
    assert link.server.state is DtlsState.CONNECTED
