#!/usr/bin/env python3
"""hello: read the word, send it back.  usage: solve.py HOST PORT"""
import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as s:
    for line in s.makefile():
        key, _, rest = line.strip().partition(" ")
        if key == "WORD":
            s.sendall(f"{rest}\n".encode())
        elif key == "FLAG":
            print(rest)
        elif key == "NO":
            sys.exit(rest)
