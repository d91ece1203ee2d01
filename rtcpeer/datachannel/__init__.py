"""Data channels over an SCTP association (RFC 8831) and the protocol that opens them (RFC 8832)."""

from rtcpeer.datachannel.channel import Channel, ChannelState
from rtcpeer.datachannel.channels import DataChannels
from rtcpeer.datachannel.settings import DataChannelSettings

__all__ = ["Channel", "ChannelState", "DataChannelSettings", "DataChannels"]
