"""A server that passes flagstaff check-server echo: it sends every byte back.

Its argument is the address to listen on.
"""

import socket
import sys
import threading


def echo(conn):
    with conn:  # closes the connection, whatever happens
        try:
            while data := conn.recv(65536):  # b"" is the client's FIN
                conn.sendall(data)  # all of it: send() may take less
        except ConnectionError:
            pass  # the client has gone


def main():
    host, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5001").rsplit(":", 1)
    server = socket.create_server((host, int(port)))
    print("listening on %s:%d" % server.getsockname(), flush=True)
    while True:
        conn, _ = server.accept()
        threading.Thread(target=echo, args=(conn,), daemon=True).start()


main()
