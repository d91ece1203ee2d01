from rtcpeer.dtls.flight import Flight, FlightRecord, RetransmissionTimer, Sender, pack_datagrams
from rtcpeer.dtls.keys import RecordKeys
from rtcpeer.dtls.protection import AeadProtection
from rtcpeer.dtls.records import split_records
from rtcpeer.dtls.settings import DtlsSettings

HELLO = bytes.fromhex("01 000003 0000 000000 000003") + b"abc"
FINISHED = bytes.fromhex("14 000003 0004 000000 000003") + b"xyz"


def test_a_flight_knows_its_name():
    assert Flight([FlightRecord(22, HELLO, is_protected=False)]).name == "ClientHello"
    assert Flight([FlightRecord(20, b"\x01", is_protected=False)]).name == "Finished"


def test_every_transmission_has_fresh_numbers():
    sender = Sender()
    sender.protection = AeadProtection(RecordKeys(bytes(16), b"salt"), RecordKeys(bytes(16), b"SALT"), 64)
    peer = AeadProtection(RecordKeys(bytes(16), b"SALT"), RecordKeys(bytes(16), b"salt"), 64)
    flight = Flight([FlightRecord(22, HELLO, is_protected=False), FlightRecord(22, FINISHED, is_protected=True)])
    assert not sender.has_sent_protected
    seen = set()
    for _ in range(3):
        records, is_sound = split_records(b"".join(sender.flight(flight)))
        assert is_sound
        assert records[0].body == HELLO
        assert peer.open_record(records[1]) == FINISHED
        seen |= {record.numbers for record in records}
    assert len(seen) == 6
    assert sender.has_sent_protected


def test_records_of_openssl_go_out_as_they_are():
    assert Sender().flight(Flight([FlightRecord(22, b"", is_protected=True, verbatim=b"raw")])) == [b"raw"]


def test_records_share_datagrams_up_to_the_mtu():
    records = [b"a" * 500, b"b" * 500, b"c" * 200, b"d", b"e" * 1300, b"f"]
    assert [len(datagram) for datagram in pack_datagrams(records, 1200)] == [1200, 1, 1300, 1]
    assert b"".join(pack_datagrams(records, 1200)) == b"".join(records)
    assert pack_datagrams([], 1200) == []


def test_the_timer_doubles_to_its_cap_and_starts_over():
    timer = RetransmissionTimer(DtlsSettings(retransmit_initial=0.5, retransmit_max=2.0), bytes)
    waits = []
    for _ in range(4):
        timer.sent(10.0)
        waits.append(timer.deadline - 10.0)
    assert waits == [0.5, 1.0, 2.0, 2.0]
    timer.restart()
    assert timer.deadline is None
    timer.sent(10.0)
    assert timer.deadline == 10.5


def test_two_timers_drift_apart():
    timer = RetransmissionTimer(DtlsSettings(retransmit_initial=1.0), lambda length: b"\xff" * length)
    timer.sent(0.0)
    assert timer.deadline == 1.05
