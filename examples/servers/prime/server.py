"""A server that passes flagstaff check-server prime: it says which numbers are
primes, in lines of JSON.

Its argument is the address to listen on.
"""

import json
import socket
import sys
import threading

MAX_LINE = 4096
MAX_NUMBER = 1_000_000_000_000


def is_prime(n):
    if n < 2:
        return False
    if n % 2 == 0:
        return n == 2
    d = 3
    while d * d <= n:
        if n % d == 0:
            return False
        d += 2
    return True


def is_integer(v):
    # A bool is an int in Python, and in JSON it is not.
    return isinstance(v, int) and not isinstance(v, bool)


def answer(line):
    try:
        request = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as e:  # UnicodeDecodeError is a ValueError
        return {"error": "not JSON: %s" % e}
    if not isinstance(request, dict):
        return {"error": "not an object"}
    number, n = request.get("id"), request.get("n")
    if not is_integer(number) or not is_integer(n):
        return {"error": "id and n are integers"}
    if not 0 <= number < 2**31:
        return {"error": "id is from 0 to 2^31 - 1"}
    if not 0 <= n <= MAX_NUMBER:
        return {"error": "n is from 0 to %d" % MAX_NUMBER}
    return {"id": number, "prime": is_prime(n)}


def send(conn, value):
    conn.sendall(json.dumps(value).encode() + b"\n")


def serve(conn):
    with conn:
        try:
            buffer = b""
            while data := conn.recv(4096):
                buffer += data
                # None, one or several lines have come, and a part of the next.
                *lines, buffer = buffer.split(b"\n")
                if max(map(len, lines + [buffer])) > MAX_LINE:
                    send(conn, {"error": "a line is at most %d bytes long" % MAX_LINE})
                    refuse(conn)
                    return
                for line in lines:
                    send(conn, answer(line))
        except OSError:
            pass  # the client has gone


def refuse(conn):
    # Closing with bytes unread would send a RST, which may overtake the error:
    # end the sending side, and read for a while.
    conn.shutdown(socket.SHUT_WR)
    conn.settimeout(1)
    for _ in range(256):
        if not conn.recv(4096):
            return


def main():
    host, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5002").rsplit(":", 1)
    server = socket.create_server((host, int(port)))
    print("listening on %s:%d" % server.getsockname(), flush=True)
    while True:
        conn, _ = server.accept()
        threading.Thread(target=serve, args=(conn,), daemon=True).start()


main()
