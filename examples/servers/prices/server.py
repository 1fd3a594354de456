"""A server that passes flagstaff check-server prices: it keeps prices by the
minute and sums them, in messages of 12 bytes.

Its argument is the address to listen on.
"""

import socket
import struct
import sys
import threading

REQUEST = struct.Struct(">c3xii")  # kind, 3 bytes unused, two signed numbers
ANSWER = struct.Struct(">Iq")  # how many prices, their sum


def serve(conn):
    prices = {}  # by minute; of this connection alone
    with conn, conn.makefile("rb") as stream:
        try:
            # read(n) returns n bytes, and less only at the end of the stream.
            while len(message := stream.read(REQUEST.size)) == REQUEST.size:
                kind, a, b = REQUEST.unpack(message)
                if kind == b"P":
                    prices[a] = b
                elif kind == b"S":
                    found = [p for minute, p in prices.items() if a <= minute <= b]
                    conn.sendall(ANSWER.pack(len(found), sum(found)))
                else:
                    return
        except OSError:
            pass  # the client has gone


def main():
    host, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5003").rsplit(":", 1)
    server = socket.create_server((host, int(port)))
    print("listening on %s:%d" % server.getsockname(), flush=True)
    while True:
        conn, _ = server.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


main()
