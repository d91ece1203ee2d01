"""Both sides complete the handshake over links that lose, repeat and reorder; the same seed gives the same run."""

import time

import pytest

from rtcpeer.dtls import DtlsSettings, DtlsState
from tests.unit.dtls.link import RSA, Link

WHOLE = DtlsSettings(own_records=False)
SEEDS = range(200)


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
def test_the_handshake_completes(loss):
    began = time.monotonic()
    virtual = 0.0
    for seed in SEEDS:
        link = Link(seed, loss=loss, duplication=0.1, jitter=0.05).connect()
        assert link.client.state is link.server.state is DtlsState.CONNECTED, seed
        virtual += link.now - 1000.0
    # 30 % loss means minutes of waiting in all, none of them real.
    assert loss < 0.3 or time.monotonic() - began < virtual / 2


@pytest.mark.parametrize("whole", ["client", "server", "both"])
def test_it_completes_whoever_makes_the_records(whole):
    client = WHOLE if whole != "server" else DtlsSettings()
    server = WHOLE if whole != "client" else DtlsSettings()
    for seed in range(60):
        link = Link(
            seed, loss=0.3, duplication=0.1, jitter=0.05, client_settings=client, server_settings=server
        ).connect()
        assert link.client.state is link.server.state is DtlsState.CONNECTED, seed


def test_many_small_fragments_get_through():
    settings = DtlsSettings(mtu=256)
    for seed in range(60):
        link = Link(
            seed, loss=0.2, duplication=0.1, jitter=0.05, client_settings=settings, server_settings=settings,
            client_certificate=RSA, server_certificate=RSA,
        ).connect()  # fmt: skip
        assert link.client.state is link.server.state is DtlsState.CONNECTED, seed


def test_data_arrives_once_whatever_the_link_does():
    for seed in range(40):
        link = Link(seed, loss=0.2, duplication=0.3, jitter=0.05, client_settings=DtlsSettings(false_start=True))
        link.start()
        # The server talks as soon as it may: its records overtake its Finished, or arrive though that was lost.
        sent = 0
        while link.client.state is not DtlsState.CONNECTED and link.step():
            if link.server.state is DtlsState.CONNECTED and sent < 5:
                link.send(link.server, link.server.seal(bytes([sent])))
                sent += 1
        link.run()
        assert link.client.state is DtlsState.CONNECTED, seed
        got = link.client.take_data()
        assert len(got) == len(set(got))
        assert set(got) <= {bytes([index]) for index in range(sent)}


def test_a_seed_repeats_its_run():
    first, second = (Link(7, loss=0.3, duplication=0.1, jitter=0.05).connect() for _ in range(2))
    assert first.now == second.now
    for one, other in zip(first.peers, second.peers, strict=True):
        assert len(first.sent[one]) == len(second.sent[other])
        assert first.events[one] == second.events[other]
