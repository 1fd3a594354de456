#!/usr/bin/env python3
"""frames: read exactly 4 bytes, then exactly as many as they say.  usage: solve.py HOST PORT"""
import socket
import struct
import sys

s = socket.create_connection((sys.argv[1], int(sys.argv[2])))


def recv_exactly(n):
    data = b""
    while len(data) < n:
        piece = s.recv(n - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def recv_line():
    line = b""
    while not line.endswith(b"\n"):
        line += recv_exactly(1)  # one at a time, so that no byte of a frame is taken
    return line.decode().strip()


while not (line := recv_line()).startswith("FRAMES"):
    pass
for _ in range(int(line.split()[1])):
    (size,) = struct.unpack(">I", recv_exactly(4))
    payload = recv_exactly(size)
    s.sendall(struct.pack("<I", len(payload)) + payload)
key, _, rest = recv_line().partition(" ")
print(rest) if key == "FLAG" else sys.exit(rest)
