"""Checksums: of IP (RFC 1071), of Ethernet frames (CRC-32), of SCTP (CRC-32C, RFC 9260)."""

import zlib


def internet(octets: bytes) -> int:
    """The ones' complement checksum of IP, TCP, UDP, ICMP."""
    if len(octets) % 2:
        octets += b"\0"
    total = sum(int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame_check(octets: bytes) -> bytes:
    """The frame check sequence of an Ethernet or 802.11 frame, as it stands on the wire."""
    return zlib.crc32(octets).to_bytes(4, "little")


def crc32c(octets: bytes) -> int:
    """CRC-32C (Castagnoli)."""
    crc = 0xFFFF_FFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F6_3B78 if crc & 1 else 0)
    return crc ^ 0xFFFF_FFFF
