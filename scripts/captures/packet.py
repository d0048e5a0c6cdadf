"""A packet: its octets, and what the one who built it knows about them.

Layers are put around a packet from the inside out: an IP header around a segment, an EtherType
layer around the IP packet, a link header around that. Each step returns a new Packet whose
knowledge (flows, fragments) is carried along unchanged.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace


@dataclass(frozen=True, order=True)
class Flow:
    """A unidirectional 5-tuple."""

    protocol: int
    src: str
    src_port: int
    dst: str
    dst_port: int

    def without_ports(self) -> Flow:
        """The flow of a later fragment whose first one is unknown."""
        return replace(self, src_port=0, dst_port=0)


@dataclass(frozen=True)
class Header:
    """An IP header as a flow table sees it.

    `datagram` names the fragmented datagram this is a part of (None: not a fragment), and `first`
    says whether this is the fragment with offset 0.
    """

    flow: Flow
    tcp_flags: int = 0
    datagram: tuple | None = None
    first: bool = False


@dataclass(frozen=True)
class Packet:
    """Octets from the outermost layer so far inwards.

    `ethertype` says what that layer is, as an EtherType; None for a frame with its link header.
    `outer` is the IP header that is reached first from the link layer, `inner` the one inside all
    tunnels (the same one if there is no tunnel); both None if no IP header can be reached. A link or
    IP header that is cut, or wrong in itself, makes the packet `malformed`.
    """

    octets: bytes
    ethertype: int | None
    outer: Header | None = None
    inner: Header | None = None
    malformed: bool = False
    from_client: bool = True
    wire_len: int | None = None

    def within(self, octets: bytes, ethertype: int | None = None) -> Packet:
        """The same packet with a layer put around it: `octets` replaces the old ones."""
        return replace(self, octets=octets, ethertype=ethertype)

    def not_ip(self) -> Packet:
        """The same octets, in a place where no IP header can be reached."""
        return replace(self, outer=None, inner=None)

    def as_malformed(self) -> Packet:
        """The same octets, as a packet with a link or IP header that cannot be read."""
        return replace(self, outer=None, inner=None, malformed=True)

    def cut(self, captured_len: int) -> Packet:
        """What a snapshot length leaves of it. What is known stays known: enough must be left."""
        return replace(self, octets=self.octets[:captured_len], wire_len=self.orig_len)

    def without_ports(self) -> Packet:
        """The same packet, too short for its port numbers."""

        def bare(header: Header) -> Header:
            return replace(header, flow=header.flow.without_ports(), tcp_flags=0)

        return replace(self, outer=bare(self.outer), inner=bare(self.inner))

    def without_tcp_flags(self) -> Packet:
        """The same packet, too short for its TCP flags."""
        return replace(self, outer=replace(self.outer, tcp_flags=0), inner=replace(self.inner, tcp_flags=0))

    @property
    def orig_len(self) -> int:
        """Length on the wire."""
        return len(self.octets) if self.wire_len is None else self.wire_len


@dataclass(frozen=True)
class Record:
    """A packet with its time, in ns since 1970 UTC."""

    packet: Packet
    time_ns: int


START_NS = 1_700_000_000 * 10**9
"""2023-11-14 22:13:20 UTC: the time of the first packet of every generated file."""


def timed(packets: list[Packet], start_ns: int = START_NS, step_ns: int = 125_000_000) -> list[Record]:
    """Packets at equal distances. An eighth of a second is exact in every time resolution in use,
    decimal or binary."""
    return [Record(packet, start_ns + index * step_ns) for index, packet in enumerate(packets)]


def packed(address: str) -> bytes:
    """An IPv4 or IPv6 address in network byte order."""
    return ipaddress.ip_address(address).packed


def mac(text: str) -> bytes:
    """A MAC address, or any other colon-separated octets."""
    return bytes.fromhex(text.replace(":", ""))
