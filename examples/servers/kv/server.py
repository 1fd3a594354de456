"""A server that passes flagstaff check-server kv: it keeps values under keys,
over UDP.

Its argument is the address to listen on.
"""

import socket
import sys

MAX_DATAGRAM = 1000  # bytes
MAX_KEYS = 100_000  # what anybody may store must end somewhere


def main():
    host, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5005").rsplit(":", 1)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((host, int(port)))
    print("listening on %s:%d" % server.getsockname(), flush=True)
    values = {b"version": b"flagstaff example, in Python"}
    while True:
        try:
            # One byte more than any good datagram: what fills it was too long.
            data, client = server.recvfrom(MAX_DATAGRAM + 1)
        except OSError:
            continue  # Windows reports a longer datagram as an error
        if len(data) > MAX_DATAGRAM:
            continue
        kind, rest = data[:1], data[1:]
        if kind == b"?":
            answer = rest + b"=" + values.get(rest, b"")
            server.sendto(answer[:MAX_DATAGRAM], client)
        elif kind == b"+":
            key, equals, value = rest.partition(b"=")
            if equals and key != b"version" and (key in values or len(values) < MAX_KEYS):
                values[key] = value


main()
