"""Counts work instead of timing it: every line that runs, once per run."""

import sys
from collections.abc import Callable
from types import FrameType


def work_of(action: Callable[[], object]) -> int:
    count = 0

    def trace(_frame: FrameType, _event: str, _argument: object) -> object:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        action()
    finally:
        sys.settrace(before)
    return count
