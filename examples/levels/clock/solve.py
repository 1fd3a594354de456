#!/usr/bin/env python3
"""clock: all questions first; one point in time for all their answers.  usage: solve.py HOST PORT"""
import socket
import sys
import time

s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
buffer, values = b"", {}


def recv_line(end):
    """The next line, or TimeoutError at the time end, whatever came before."""
    global buffer
    while b"\n" not in buffer:
        s.settimeout(max(end - time.monotonic(), 0.001))
        piece = s.recv(4096)
        if not piece:
            raise EOFError
        buffer += piece
    line, _, buffer = buffer.partition(b"\n")  # after a timeout the rest is still there
    return line.decode()


s.sendall(b"start\n")
while len(values) < 20:
    s.sendall("".join(f"get {i}\n" for i in range(1, 21) if i not in values).encode())
    end = time.monotonic() + 0.9
    try:
        while len(values) < 20:
            match recv_line(end).split():
                case ["PING", word]:
                    s.sendall(f"pong {word}\n".encode())
                case ["VALUE", i, value]:
                    values[int(i)] = int(value)
                case ["NO", *why]:
                    sys.exit(" ".join(why))
    except TimeoutError:
        pass  # ask again for what is missing
s.sendall(f"sum {sum(values.values())}\n".encode())
while not (line := recv_line(time.monotonic() + 5)).startswith(("FLAG", "NO")):
    pass
print(line[5:]) if line.startswith("FLAG") else sys.exit(line)
