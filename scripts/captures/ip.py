"""IPv4 (RFC 791) and IPv6 (RFC 8200) around a segment: options, extension headers, fragments."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import checksum
from .packet import Flow, Header, Packet, packed
from .transport import AH, Segment

IPV4_TYPE = 0x0800
IPV6_TYPE = 0x86DD

HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS = 0, 43, 44, 60


def ip(src: str, dst: str, segment: Segment, from_client: bool = True) -> Packet:
    """A plain packet of the version that the addresses have."""
    build = ipv6 if ":" in src else ipv4
    return build(src, dst, segment, from_client=from_client)


def ipv4(
    src: str,
    dst: str,
    segment: Segment,
    *,
    options: bytes = b"",
    identification: int = 0x1001,
    total_length: int | None = None,
    ihl: int | None = None,
    from_client: bool = True,
) -> Packet:
    """An unfragmented IPv4 packet. `total_length` and `ihl` replace the right values."""
    payload = checksummed(src, dst, segment)
    header = _ipv4_header(
        src, dst, segment.protocol, len(payload), options, identification, 0x4000, total_length, ihl
    )
    known = Header(_flow(src, dst, segment), segment.tcp_flags)
    return Packet(header + payload, IPV4_TYPE, known, segment.tunnelled or known, from_client=from_client)


def ipv4_fragments(
    src: str, dst: str, segment: Segment, sizes: list[int], *, identification: int, from_client: bool = True
) -> list[Packet]:
    """The fragments of one datagram, in order. `sizes` are those of all but the last one."""
    payload = checksummed(src, dst, segment)
    packets = []
    for start, end, last in _pieces(len(payload), sizes):
        offset_word = start // 8 | (0 if last else 0x2000)
        header = _ipv4_header(src, dst, segment.protocol, end - start, b"", identification, offset_word)
        known = _fragment_header(
            _flow(src, dst, segment), segment, (src, dst, segment.protocol, identification), start
        )
        packets.append(Packet(header + payload[start:end], IPV4_TYPE, known, known, from_client=from_client))
    return packets


def ipv6(
    src: str,
    dst: str,
    segment: Segment,
    *,
    extensions: tuple[Extension, ...] = (),
    payload_length: int | None = None,
    from_client: bool = True,
) -> Packet:
    """An unfragmented IPv6 packet. `payload_length` replaces the right value."""
    body = _chained(extensions, segment.protocol) + checksummed(src, dst, segment)
    first = extensions[0].protocol if extensions else segment.protocol
    header = _ipv6_header(src, dst, first, len(body) if payload_length is None else payload_length)
    flow = _flow(src, dst, segment)
    if any(extension.protocol == AH for extension in extensions):
        flow = Flow(AH, src, 0, dst, 0)
    known = Header(flow, segment.tcp_flags if flow.protocol == segment.protocol else 0)
    return Packet(header + body, IPV6_TYPE, known, segment.tunnelled or known, from_client=from_client)


def ipv6_fragments(
    src: str,
    dst: str,
    segment: Segment,
    sizes: list[int],
    *,
    identification: int,
    before: tuple[Extension, ...] = (),
    after: tuple[Extension, ...] = (),
    from_client: bool = True,
) -> list[Packet]:
    """The fragments of one datagram, in order; `before` are extension headers that each fragment
    carries, `after` those in the part that is cut. `sizes` are those of all but the last one.

    A later fragment names in its header the protocol of the first header of the part that is cut.
    """
    payload = _chained(after, segment.protocol) + checksummed(src, dst, segment)
    kind = after[0].protocol if after else segment.protocol
    headers_len = sum(len(extension.octets(0)) for extension in after)
    packets = []
    for start, end, last in _pieces(len(payload), sizes):
        fragment = struct.pack(">BBHI", kind, 0, start | (0 if last else 1), identification)
        body = _chained(before, FRAGMENT) + fragment + payload[start:end]
        first = before[0].protocol if before else FRAGMENT
        flow = _flow(src, dst, segment)
        if start == 0 and end < headers_len + 4:
            flow = flow.without_ports()
        if start > 0:
            flow = Flow(kind, src, 0, dst, 0)
        known = _fragment_header(flow, segment, (src, dst, identification), start)
        packets.append(
            Packet(
                _ipv6_header(src, dst, first, len(body)) + body,
                IPV6_TYPE,
                known,
                known,
                from_client=from_client,
            )
        )
    return packets


@dataclass(frozen=True)
class Extension:
    """An IPv6 extension header: its protocol number, and what follows its two first octets."""

    protocol: int
    body: bytes

    def octets(self, next_header: int) -> bytes:
        """The header, which must be a multiple of 8 octets long. AH counts in words of 4."""
        length = 2 + len(self.body)
        assert length % 8 == 0, length
        units = length // 4 - 2 if self.protocol == AH else length // 8 - 1
        return bytes([next_header, units]) + self.body


def hop_by_hop() -> Extension:
    """Hop-by-hop options: router alert (RFC 2711), padded with PadN."""
    return Extension(HOP_BY_HOP, bytes.fromhex("050200000100"))


def destination_options(words: int = 1) -> Extension:
    """Destination options with nothing but PadN, `words` times 8 octets long."""
    pad = 8 * words - 4
    return Extension(DESTINATION_OPTIONS, bytes([1, pad]) + bytes(pad))


def routing(*hops: str) -> Extension:
    """A segment routing header (RFC 8754, type 4) with no segments left."""
    segments = b"".join(packed(hop) for hop in hops)
    return Extension(ROUTING, bytes([4, 0, len(hops) - 1, 0, 0, 0]) + segments)


def atomic_fragment(identification: int) -> Extension:
    """A fragment header on a datagram that is whole (RFC 6946)."""
    return Extension(FRAGMENT, struct.pack(">HI", 0, identification))


def authentication(spi: int, sequence: int) -> Extension:
    """An authentication header (RFC 4302) with a 96-bit check value, padded for IPv6."""
    return Extension(AH, struct.pack(">HII", 0, spi, sequence) + b"\xa5" * 12)


def authenticated(segment: Segment, spi: int, sequence: int) -> Segment:
    """A segment behind an authentication header, for IPv4: protocol 51, ports unknown."""
    header = bytes([segment.protocol, 4]) + struct.pack(">HII", 0, spi, sequence) + b"\xa5" * 12
    return Segment(AH, header + segment.octets)


def checksummed(src: str, dst: str, segment: Segment) -> bytes:
    """The segment's octets with the checksum over the pseudo header filled in."""
    if segment.checksum_at is None:
        return segment.octets
    octets = segment.octets
    if ":" in src:
        layout, length, pads = ">IHBB", len(octets), (0, 0)
    else:
        layout, length, pads = ">HBB", len(octets) & 0xFFFF, (0,)  # offloaded segments are longer
    pseudo = packed(src) + packed(dst) + struct.pack(layout, length, *pads, segment.protocol)
    value = checksum.internet(pseudo + octets[: segment.covered])
    at = segment.checksum_at
    return octets[:at] + struct.pack(">H", value or 0xFFFF) + octets[at + 2 :]


def _flow(src: str, dst: str, segment: Segment) -> Flow:
    return Flow(segment.protocol, src, segment.ports[0], dst, segment.ports[1])


def _fragment_header(flow: Flow, segment: Segment, datagram: tuple, start: int) -> Header:
    if start == 0:
        return Header(flow, segment.tcp_flags if flow.src_port else 0, datagram, first=True)
    return Header(flow.without_ports(), 0, datagram)


def _pieces(length: int, sizes: list[int]) -> list[tuple[int, int, bool]]:
    """Start, end, and whether it is the last, of each piece. All but the last are multiples of 8."""
    assert all(size % 8 == 0 for size in sizes) and sum(sizes) < length
    ends = [sum(sizes[: index + 1]) for index in range(len(sizes))] + [length]
    return [(start, end, end == length) for start, end in zip([0, *ends], ends)]


def _ipv4_header(
    src: str,
    dst: str,
    protocol: int,
    payload_len: int,
    options: bytes,
    identification: int,
    offset_word: int,
    total_length: int | None = None,
    ihl: int | None = None,
) -> bytes:
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4
    total = 4 * words + payload_len if total_length is None else total_length
    header = (
        struct.pack(
            ">BBHHHBBH",
            0x40 | (words if ihl is None else ihl),
            0,
            total,
            identification,
            offset_word,
            64,
            protocol,
            0,
        )
        + packed(src)
        + packed(dst)
        + options
    )
    return header[:10] + struct.pack(">H", checksum.internet(header)) + header[12:]


def _ipv6_header(src: str, dst: str, next_header: int, payload_len: int) -> bytes:
    return struct.pack(">IHBB", 0x6000_0000, payload_len, next_header, 64) + packed(src) + packed(dst)


def _chained(extensions: tuple[Extension, ...], last: int) -> bytes:
    """Extension headers, each naming the next one, the last one naming protocol `last`."""
    following = [extension.protocol for extension in extensions[1:]] + [last]
    return b"".join(extension.octets(kind) for extension, kind in zip(extensions, following))
