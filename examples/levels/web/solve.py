#!/usr/bin/env python3
"""web: two requests on one connection.  usage: solve.py HOST PORT"""
import socket
import sys

s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
f = s.makefile("rb")


def fetch(request):
    s.sendall(request.encode())
    length = 0
    while (line := f.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return f.read(length).decode()  # not until end of file: the connection stays open


page = fetch(f"GET / HTTP/1.1\r\nHost: {sys.argv[1]}\r\n\r\n")
body = "word=" + page.split("WORD ")[1].strip()
page = fetch(f"POST /flag HTTP/1.1\r\nHost: {sys.argv[1]}\r\nContent-Length: {len(body)}\r\n\r\n{body}")
print(page[5:].strip()) if page.startswith("FLAG ") else sys.exit(page)
