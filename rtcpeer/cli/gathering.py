"""The settings with which the commands gather."""

from typing import Literal

from rtcpeer.ice.settings import IceSettings

__all__ = ["gathering_settings"]


def gathering_settings(
    policy: Literal["all", "relay", "nohost"], timeout: float, tls_ca_file: str | None
) -> IceSettings:
    """Each step may take ``timeout`` seconds: the name, the connection, the answer; all of them fit into the whole."""
    return IceSettings(
        transport_policy=policy,
        dns_timeout=timeout,
        stun_timeout=timeout,
        turn_timeout=timeout,
        gathering_timeout=3 * timeout + 1,
        tls_ca_file=tls_ca_file,
    )
