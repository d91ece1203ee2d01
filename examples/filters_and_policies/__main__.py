"""Say which candidates there may be, see which there are, and over which of them two peers connect."""

import argparse
import asyncio
import sys
from typing import Any

from examples.common import CONNECT_TIMEOUT, ExampleError, run, say
from rtcpeer import AddressRewrite, IceSettings, RTCIceCandidate, RTCIceCandidateError, RTCPeerConnection, Settings
from rtcpeer.ice.candidate import Candidate


def settings(options: argparse.Namespace) -> IceSettings:
    """What the arguments say; `IceSettings` refuses what makes no sense, naming the field."""
    hidden = options.hide or []

    def candidate_filter(candidate: Candidate) -> Candidate | None:
        return None if candidate.type.value in hidden else candidate

    return IceSettings(
        transport_policy=options.policy,
        candidate_types=options.types,
        interface_filter=options.interface,
        local_address_filter=options.network,
        remote_address_filter=options.peer_network,
        candidate_filter=candidate_filter if hidden else None,
        address_rewrites=[AddressRewrite(options.external)] if options.external else [],
        bind_addresses=options.bind,
        port_range=options.port_range,
        include_loopback=options.loopback,
    )


def print_candidates(found: list[RTCIceCandidate]) -> None:
    if not found:
        raise ExampleError("these settings leave no candidate")
    say(f"{'type':6} {'address':40} {'port':>5}      {'priority':>10}")
    for candidate in sorted(found, key=lambda one: -(one.priority or 0)):
        say(
            f"{candidate.type:6} {candidate.address:40} {candidate.port:5} {candidate.protocol} {candidate.priority:10}"
        )


def print_error(error: RTCIceCandidateError) -> None:
    say(f"* {error.url or error.address}: {error.errorCode} {error.errorText}")


async def connect(one: RTCPeerConnection, other: RTCPeerConnection) -> str:
    """Offer and answer, each with all its candidates; the path that was chosen."""
    connected = asyncio.Event()
    channel = one.createDataChannel("hello")
    channel.on("open", connected.set)
    found: list[RTCIceCandidate] = []
    one.on("icecandidate", lambda candidate: found.append(candidate) if candidate and candidate.candidate else None)
    await one.setLocalDescription()
    await other.setRemoteDescription(await one.gathered())
    print_candidates(found)
    await other.setLocalDescription()
    await one.setRemoteDescription(await other.gathered())
    try:
        await asyncio.wait_for(connected.wait(), CONNECT_TIMEOUT)
    except TimeoutError:
        raise ExampleError("these settings leave no path between two peers on this machine") from None
    transport = one.sctp.transport.iceTransport if one.sctp else None
    pair = transport.getSelectedCandidatePair() if transport else None
    assert pair is not None
    return f"{pair.local.type} {pair.local.address} to {pair.remote.type} {pair.remote.address}"


async def main(options: argparse.Namespace) -> None:
    configuration: dict[str, Any] = {"iceServers": [{"urls": options.stun}] if options.stun else []}
    chosen = Settings(ice=settings(options))
    async with (
        RTCPeerConnection(configuration, chosen) as one,
        RTCPeerConnection(configuration, chosen) as other,
    ):
        for peer in (one, other):
            peer.on("icecandidateerror", print_error)
        path = await connect(one, other)
        say(f"Two such peers connect from {path}")


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        prog="python -m examples.filters_and_policies", usage="%(prog)s [options]", description=__doc__
    )
    kinds = ("host", "srflx", "relay")
    made.add_argument("--policy", choices=("all", "nohost", "relay"), default="all", help="(default: %(default)s)")
    made.add_argument("--types", nargs="+", choices=kinds, metavar="TYPE", default=kinds, help="of host, srflx, relay")
    made.add_argument("--hide", nargs="+", choices=kinds, metavar="TYPE", help="gather these, but do not use them")
    made.add_argument("--interface", nargs="+", metavar="NAME", help="of these interfaces only")
    made.add_argument("--network", nargs="+", metavar="CIDR", help="of these local networks only")
    made.add_argument("--peer-network", nargs="+", metavar="CIDR", help="the peer is in these networks only")
    made.add_argument("--bind", nargs="+", metavar="ADDRESS", default=(), help="these addresses only")
    made.add_argument("--port-range", nargs=2, type=int, metavar=("FIRST", "LAST"), help="with these ports only")
    made.add_argument("--external", metavar="ADDRESS", help="what a 1:1 NAT shows instead of our address")
    made.add_argument("--loopback", action="store_true", help="with 127.0.0.1 and ::1")
    made.add_argument("--stun", action="append", metavar="URL", help="ask this STUN server; repeatable")
    return made.parse_args()


if __name__ == "__main__":
    sys.exit(run(main(arguments())))
