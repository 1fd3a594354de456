#!/usr/bin/env python3
"""callback: listen, and say where.  usage: solve.py HOST PORT"""
import socket
import sys

s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
listener = socket.create_server(("", 0))  # port 0: any that is free
s.sendall(f"{listener.getsockname()[1]}\n".encode())
conn, _ = listener.accept()
word = conn.makefile().readline().split()[1]
s.sendall(f"{word}\n".encode())
for line in s.makefile():
    if line.startswith("FLAG "):
        print(line[5:].strip())
