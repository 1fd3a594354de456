#!/usr/bin/env python3
"""bytes: bytes on the wire, text only in between.  usage: solve.py HOST PORT"""
import base64
import socket
import sys

s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
f = s.makefile("rb")  # "b": bytes, not text
while True:
    key, _, rest = f.readline().rstrip(b"\n").partition(b" ")
    arg = rest.decode()
    if key == b"HEX":
        s.sendall(bytes.fromhex(arg))
    elif key == b"RAW":
        s.sendall(f.read(int(arg)).hex().encode() + b"\n")
    elif key == b"BASE64":
        s.sendall(base64.b64decode(arg).hex().encode() + b"\n")
    elif key == b"UTF8":
        s.sendall(f"{len(rest)} {len(arg)}\n".encode())
    elif key in (b"UTF16LE", b"UTF16BE"):
        encoding = "utf-16-le" if key == b"UTF16LE" else "utf-16-be"
        s.sendall(bytes.fromhex(arg).decode(encoding).encode() + b"\n")
    elif key == b"LATIN1":
        s.sendall(bytes.fromhex(arg).decode("latin-1").encode() + b"\n")
    elif key == b"FLAG":
        print(arg)
        break
    elif key in (b"NO", b""):
        sys.exit(arg or "the server is gone")
