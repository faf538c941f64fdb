# SPDX-License-Identifier: BSL-1.0
"""A name server in a thread: it answers after a tenth of a second.

page-N.slow is 127.0.0.1, host-N.slow is 127.1.X.Y with N = 256 * X + Y, each without an IPv6 address;
there is nothing else.
"""
import heapq
import itertools
import re
import select
import socket
import struct
import threading
import time

DELAY = 0.1
A, NO_SUCH_NAME = 1, 3


def question(packet):
    """The name that is asked for, the type, and where the question ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    kind, = struct.unpack_from("!H", packet, at + 1)
    return ".".join(labels), kind, at + 5


def address_of(name):
    if re.fullmatch(r"page-\d+\.slow", name):
        return socket.inet_aton("127.0.0.1")
    host = re.fullmatch(r"host-(\d+)\.slow", name)
    return bytes([127, 1]) + struct.pack("!H", int(host.group(1))) if host else None


def answer(packet):
    name, kind, end = question(packet)
    address = address_of(name)
    records = b""
    if address and kind == A:
        records = struct.pack("!HHHIH", 0xC00C, A, 1, 60, 4) + address
    flags = 0x8580 | (0 if address else NO_SUCH_NAME)
    header = packet[:2] + struct.pack("!HHHHH", flags, 1, 1 if records else 0, 0, 0)
    return header + packet[12:end] + records


class SlowNames:
    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.stopped = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopped = True
        self.thread.join()
        self.socket.close()

    def serve(self):
        later, order = [], itertools.count()
        while not self.stopped:
            wait = min(0.2, max(0, later[0][0] - time.monotonic())) if later else 0.2
            if select.select([self.socket], [], [], wait)[0]:
                packet, peer = self.socket.recvfrom(1500)
                heapq.heappush(later, (time.monotonic() + DELAY, next(order), answer(packet), peer))
            while later and later[0][0] <= time.monotonic():
                _, _, packet, peer = heapq.heappop(later)
                self.socket.sendto(packet, peer)
