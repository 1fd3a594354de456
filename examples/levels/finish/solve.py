#!/usr/bin/env python3
"""finish: shut down the sending side, go on receiving.  usage: solve.py HOST PORT"""
import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as s:
    s.sendall(b"one line\nand another\n")
    s.shutdown(socket.SHUT_WR)  # FIN: I send no more
    for line in s.makefile():
        if line.startswith("FLAG "):
            print(line[5:].strip())
