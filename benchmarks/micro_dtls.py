"""Microseconds per DTLS record of 1200 bytes, each way: our AES-GCM records against OpenSSL's.

Run: ``python -m benchmarks.micro_dtls`` (or as a script, from the repository's root).
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rtcpeer.dtls import Certificate, DtlsEndpoint, DtlsRole, DtlsSettings

PAYLOAD = os.urandom(1200)
RECORDS = 20_000
ROUNDS = 5


def connect(settings: DtlsSettings) -> tuple[DtlsEndpoint, DtlsEndpoint]:
    wall_time = datetime.now(UTC)
    client = DtlsEndpoint(Certificate.generate(wall_time), settings, os.urandom)
    server = DtlsEndpoint(Certificate.generate(wall_time), settings, os.urandom)
    client.start(DtlsRole.CLIENT, server.certificate.fingerprints)
    server.start(DtlsRole.SERVER, client.certificate.fingerprints)
    for _ in range(4):
        for sender, receiver in ((client, server), (server, client)):
            for datagram in sender.packets_to_send(0.0):
                receiver.receive(datagram, 0.0)
    return client, server


def best(run: Callable[[], float]) -> float:
    return min(run() for _ in range(ROUNDS)) / RECORDS * 1e6


def handshake_ms(settings: DtlsSettings) -> float:
    began = time.perf_counter()
    for _ in range(50):
        connect(settings)
    return (time.perf_counter() - began) / 50 * 1e3


def measure(settings: DtlsSettings) -> tuple[float, float]:
    client, server = connect(settings)
    batches: list[list[bytes]] = []

    def seal() -> float:
        payloads = [PAYLOAD] * RECORDS
        began = time.perf_counter()
        records = client.seal_many(payloads)
        spent = time.perf_counter() - began
        batches.append(records)
        return spent

    def receive() -> float:
        records = batches.pop(0)
        began = time.perf_counter()
        for record in records:
            server.receive(record, 0.0)
        spent = time.perf_counter() - began
        assert len(server.take_data()) == RECORDS
        return spent

    return best(seal), best(receive)


def aead_alone() -> float:
    encrypt = AESGCM(bytes(16)).encrypt
    began = time.perf_counter()
    for _ in range(RECORDS):
        encrypt(b"nonce 12 byt", PAYLOAD, b"thirteen byte")
    return time.perf_counter() - began


def main() -> None:
    print(f"{'records':<10}{'seal µs':>10}{'receive µs':>12}{'handshake ms':>14}")
    figures = {}
    for name, settings in (("ours", DtlsSettings()), ("OpenSSL", DtlsSettings(own_records=False))):
        figures[name] = measure(settings)
        print(f"{name:<10}{figures[name][0]:>10.2f}{figures[name][1]:>12.2f}{handshake_ms(settings):>14.2f}")
    ours, openssl = figures["ours"], figures["OpenSSL"]
    print(f"{'ratio':<10}{openssl[0] / ours[0]:>10.1f}{openssl[1] / ours[1]:>12.1f}")
    print(f"AESGCM.encrypt alone: {best(aead_alone):.2f} µs")


if __name__ == "__main__":
    main()
