#!/usr/bin/env python3
"""bothways: one thread sends, the other receives.  usage: solve.py HOST PORT"""
import socket
import sys
import threading

s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
f = s.makefile("rb")
while not (line := f.readline()).startswith(b"BYTES"):
    pass
size = int(line.split()[1])
threading.Thread(target=s.sendall, args=[bytes(size)], daemon=True).start()
while size:
    piece = f.read1(min(size, 65536))
    if not piece:
        sys.exit("the server is gone")
    size -= len(piece)
key, _, rest = f.readline().decode().strip().partition(" ")
print(rest) if key == "FLAG" else sys.exit(rest)
