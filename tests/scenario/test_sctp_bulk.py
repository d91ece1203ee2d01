"""A mebibyte of ordered messages arrives whole and in order, whatever the link does to packets."""

import random

import pytest

from rtcpeer.sctp import SctpSettings
from tests.unit.sctp.lossy_pipe import LossyPipe

TOTAL = 1 << 20


def transfer(seed: int, loss: float) -> None:
    # At 30 % half of the round trips fail, so that eleven in a row are no dead path.
    settings = SctpSettings(max_retransmits=50, max_init_retransmits=50)
    pipe = LossyPipe(seed, loss=loss, reorder=0.05 if loss or seed % 2 else 0.0, duplicate=0.03, settings=settings)
    generator = random.Random(seed)
    blob = generator.randbytes(TOTAL)
    sent = []
    offset = 0
    while offset < TOTAL:
        size = generator.choice((1, 64, 1164, 1165, 4000, 16384, 65536, 262144))
        sent.append(blob[offset : offset + size])
        offset += size
    for message in sent:
        pipe.left.send(7, 53, message)
    pipe.right.send(9, 51, b"the other way")
    pipe.connect()
    assert pipe.run(lambda: len(pipe.messages(1)) == len(sent) and bool(pipe.messages(0)), duration=20_000)
    assert [message.data for message in pipe.messages(1)] == sent
    assert {(message.stream_id, message.ppid) for message in pipe.messages(1)} == {(7, 53)}
    assert pipe.messages(0) == [(9, 51, b"the other way")]
    # The last acknowledgement arrives too, and nothing stays in flight.
    assert pipe.run(lambda: not pipe.left.statistics().bytes_in_flight)
    assert pipe.right.statistics().receive_window == pipe.right._endpoint.settings.receive_window


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(10))
def test_bulk_arrives_in_order(seed: int, loss: float) -> None:
    transfer(seed, loss)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("first_seed", range(10, 200, 10))
def test_bulk_arrives_in_order_over_many_seeds(first_seed: int, loss: float) -> None:
    for seed in range(first_seed, first_seed + 10):
        transfer(seed, loss)
