"""Virtual time: cores, hosts, links, NAT boxes and an asyncio loop whose clock jumps; a run is a function of its seed.

`pipe`          two byte cores (SCTP, DTLS, data channels) over a link each way
`network`       hosts, links and NAT boxes that route `Datagrams` between sockets, callbacks and cores
`nat`           what a NAT box does, by RFC 4787
`loop`          an asyncio event loop in virtual time; waiting for ever is an error
`aio_network`   the network of `rtcpeer.aio` over the simulated one
"""
