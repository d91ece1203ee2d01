"""Fuzz target of the DTLS records and of an endpoint that waits for its peer: nothing raises, nothing connects.

`python -m tests.fuzz.fuzz_dtls [SECONDS]`; with atheris installed, coverage guides.
"""

from functools import cache

from rtcpeer.dtls import DtlsEndpoint, DtlsRole, DtlsSettings, DtlsState
from rtcpeer.dtls.alerts import parse_alert
from rtcpeer.dtls.records import FROM_CLIENT, FROM_SERVER, first_message, handshake_is_sound, split_records
from tests.fuzz.mutation import main
from tests.unit.dtls.link import EC_1, EC_2, Link


@cache
def seeds() -> list[bytes]:
    """A handshake, data and the end, as they went over the wire."""
    link = Link().connect()
    link.send(link.client, link.client.seal(b"data"))
    link.client.close()
    link.run()
    return [datagram for sent in link.sent.values() for datagram in sent]


def target(data: bytes) -> None:
    """One input of the fuzzer."""
    records, is_sound = split_records(data)
    for record in records:
        parse_alert(record.body)
        first_message(record.body)
        handshake_is_sound(record, FROM_CLIENT)
        handshake_is_sound(record, FROM_SERVER)
    if is_sound:
        assert b"".join(record.raw for record in records) == data
    for role in DtlsRole:
        endpoint = DtlsEndpoint(EC_1, DtlsSettings(), bytes)
        endpoint.start(role, EC_2.fingerprints)
        endpoint.receive(data, 0.0)
        endpoint.packets_to_send(0.0)
        assert endpoint.state is not DtlsState.CONNECTED
        assert endpoint.take_data() == []
        endpoint.close()


if __name__ == "__main__":
    main(target, seeds())
