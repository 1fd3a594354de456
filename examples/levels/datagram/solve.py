#!/usr/bin/env python3
"""datagram: ask again until an answer comes.  usage: solve.py HOST PORT"""
import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], int(sys.argv[2])))  # sends nothing: it only fixes the peer
s.settimeout(0.3)


def ask(request, want):
    while True:
        s.send(request.encode().ljust(1000))
        try:
            reply = s.recv(2000).decode()  # a whole datagram; recv(100) would lose its end
        except TimeoutError:
            continue
        if reply.startswith(want):
            return reply.split()
        if reply.startswith("NO"):
            sys.exit(reply)


cookie = ask("cookie", "COOKIE")[1]
words = [ask(f"get {cookie} {i}", f"PIECE {i} ")[-1] for i in range(1, 5)]
print(ask(f"answer {cookie} {' '.join(words)}", "FLAG")[1])
