from rtcpeer.sctp.congestion import LossBasedController


def test_slow_start_grows_by_what_was_acknowledged_only_when_full() -> None:
    """Deviation: at most 64 packets a SACK, where section 7.2.1 recommends one."""
    controller = LossBasedController(1000, 10, 1_000_000)
    assert controller.window == 10_000
    controller.on_acknowledged(5000, 2000, 0.0)
    assert controller.window == 10_000
    controller.on_acknowledged(5000, 10_000, 0.0)
    assert controller.window == 15_000
    controller.on_acknowledged(900_000, 15_000, 0.0)
    assert controller.window == 15_000 + 64_000


def test_loss_halves_and_recovery_holds() -> None:
    controller = LossBasedController(1000, 40, 1_000_000)
    controller.on_loss(0.0)
    assert (controller.window, controller.slow_start_threshold) == (20_000, 20_000)
    controller.on_acknowledged(5000, 20_000, 0.0)
    assert controller.window == 20_000
    controller.on_recovered(0.0)
    controller.window += 1  # above the threshold: congestion avoidance
    for _ in range(4):
        controller.on_acknowledged(5001, 20_001, 0.0)
    assert controller.window == 21_001


def test_timeout_and_idle() -> None:
    controller = LossBasedController(1000, 10, 1_000_000)
    controller.on_timeout(0.0)
    assert (controller.window, controller.slow_start_threshold) == (1000, 5000)
    controller.window = 100_000
    controller.on_idle()
    assert controller.window == 50_000
    for _ in range(9):
        controller.on_idle()
    assert controller.window == 10_000
