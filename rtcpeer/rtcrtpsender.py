"""`RTCRtpSender` by the path that older programs written for aiortc import it from."""

from rtcpeer.api.rtp_sender import RTCRtpSender

__all__ = ["RTCRtpSender"]
