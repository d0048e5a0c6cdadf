"""Relays Ethernet frames between two devices and harms the traffic on its way, by a seed.

Run inside a namespace: python3 -m recording.relay DEVICE DEVICE SEED

Every frame is held for a constant delay. Of the frames that carry IP, some are dropped, some sent
twice, and some held longer, so that those behind them overtake. It stands in for the netem queue
discipline, which not every kernel has.
"""

from __future__ import annotations

import heapq
import random
import select
import socket
import struct
import sys
import time

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4

DELAY_S = 0.008
OVERTAKEN_S = 0.006
"""How much longer an overtaken frame is held."""
DROPPED, REPEATED, OVERTAKEN = 0.035, 0.02, 0.04
IP_TYPES = (0x0800, 0x86DD)


def main(first: str, second: str, seed: int) -> None:
    """Relays until killed. Says "relaying" once it is ready."""
    sockets = [opened(first), opened(second)]
    chance = random.Random(seed)
    waiting: list[tuple[float, int, int, bytes]] = []
    count = 0
    print("relaying", flush=True)
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select(sockets, [], [], timeout)
        now = time.monotonic()
        for side, each in enumerate(sockets):
            if each in readable:
                frame, address = each.recvfrom(65_536)
                if address[2] == PACKET_OUTGOING:
                    continue
                for held_s in fates(frame, chance):
                    count += 1
                    heapq.heappush(waiting, (now + held_s, count, 1 - side, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, side, frame = heapq.heappop(waiting)
            sockets[side].send(frame)


def fates(frame: bytes, chance: random.Random) -> list[float]:
    """How long each copy of a frame is held; none if it is dropped."""
    if struct.unpack_from(">H", frame, 12)[0] not in IP_TYPES:
        return [DELAY_S]
    drawn = chance.random()
    if drawn < DROPPED:
        return []
    if drawn < DROPPED + REPEATED:
        return [DELAY_S, DELAY_S + OVERTAKEN_S / 2]
    if drawn < DROPPED + REPEATED + OVERTAKEN:
        return [DELAY_S + OVERTAKEN_S]
    return [DELAY_S]


def opened(device: str) -> socket.socket:
    """A raw socket that receives and sends whole frames on a device."""
    each = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    each.bind((device, ETH_P_ALL))
    return each


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
