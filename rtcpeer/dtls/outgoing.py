"""Alerts on their way out, and the last word to a peer that did not hear it."""

from typing import Final

from rtcpeer.dtls.alerts import Alert
from rtcpeer.dtls.handshake import Handshake
from rtcpeer.dtls.records import ContentType, Record

__all__ = ["OutgoingAlerts"]

# How often a peer that goes on talking after the end is told again that it is over.
FAREWELLS: Final = 16


class OutgoingAlerts:
    """Records of alerts, protected as soon as our Finished was."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self._last: Alert | None = None
        self._farewells_left = FAREWELLS

    def queue(self, alert: Alert, handshake: Handshake) -> None:
        """Make a record of it."""
        sender = handshake.sender
        if sender.has_sent_protected and sender.protection is None:
            # Only OpenSSL has the keys: it has queued an alert of its own when it failed, and close_notify it can say.
            if alert.is_close:
                handshake.tls.shutdown()
            self.records += handshake.take_output()
            return
        self._last = alert
        self.records.append(sender.record(ContentType.ALERT, bytes(alert), is_protected=sender.has_sent_protected))

    def add(self, records: list[bytes]) -> None:
        """Send what OpenSSL made."""
        self.records += records

    def say_again(self, record: Record, handshake: Handshake) -> None:
        """The peer goes on after the end: our alert was lost, and nothing repeats alerts (RFC 6347 section 4.2.7)."""
        # Once for all that came at one go; and never in answer to an alert, or two ends would answer each other.
        if self.records or self._last is None or record.content_type == ContentType.ALERT:
            return
        if self._farewells_left:
            self._farewells_left -= 1
            self.queue(self._last, handshake)

    def take(self) -> list[bytes]:
        """The records to send now."""
        records, self.records = self.records, []
        return records
