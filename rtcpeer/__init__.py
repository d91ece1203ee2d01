"""A WebRTC peer connection for Python, with the browser's names and behaviour."""

__version__ = "0.1.0"
