"""The signalling server: rooms over a WebSocket, and the demo page. docs/signaling.md specifies the protocol."""
