#!/usr/bin/env python3
"""dribble: collect bytes until there is a line.  usage: solve.py HOST PORT"""
import socket
import sys

s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
buffer = b""


def recv_line():
    global buffer
    while b"\n" not in buffer:
        piece = s.recv(4096)  # at most 4096: here, rarely more than 9
        if not piece:
            raise EOFError
        buffer += piece
    line, _, buffer = buffer.partition(b"\n")  # the rest is for the next line
    return line.decode()


while True:
    match recv_line().split():
        case ["SUM", a, "+", b]:
            s.sendall(f"{int(a) + int(b)}\n".encode())
        case ["FLAG", flag]:
            print(flag)
            break
        case ["NO", *why]:
            sys.exit(" ".join(why))
