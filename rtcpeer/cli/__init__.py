"""The console script ``rtcpeer``: what a network allows (`doctor`), and which candidates it gives (`gather`)."""

from rtcpeer.cli.main import main

__all__ = ["main"]
