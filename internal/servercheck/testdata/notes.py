"""An echo server with the mistakes of the notes: run() for start(), one recv, and text."""

import socket
import threading


class ClientThread(threading.Thread):
    def __init__(self, conn):
        super().__init__()
        self.conn = conn

    def run(self):
        data = self.conn.recv(1024).decode()
        self.conn.send(data.encode())
        self.conn.close()


server = socket.create_server(("127.0.0.1", 0))
print("listening on %s:%d" % server.getsockname(), flush=True)
while True:
    conn, _ = server.accept()
    ct = ClientThread(conn)
    ct.run()
