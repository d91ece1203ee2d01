"""Messages as JSON can carry them to another process."""

import base64

from tests.interop.peers.peer import Message


def encode(message: Message) -> dict[str, str]:
    if isinstance(message, str):
        return {"text": message}
    return {"binary": base64.b64encode(message).decode()}


def decode(message: dict[str, str]) -> Message:
    return message["text"] if "text" in message else base64.b64decode(message["binary"])
