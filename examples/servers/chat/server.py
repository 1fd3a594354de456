"""A server that passes flagstaff check-server chat: a room in which everybody
reads what the others write.

Its argument is the address to listen on. One thread runs all of it: a task for
each client, and an event loop that wakes the one whose bytes have come.
"""

import asyncio
import re
import sys

MAX_LINE = 1000  # bytes, without the ending
MAX_BEHIND = 256 * 1024  # bytes that wait for a client who does not read

room = {}  # the writer of everybody, by name


def tell(author, text):
    for name, writer in list(room.items()):
        if name == author or writer.is_closing():
            continue
        writer.write(text.encode() + b"\n")
        # write() never waits: it is for us to say how much may pile up.
        if writer.transport.get_write_buffer_size() > MAX_BEHIND:
            writer.transport.abort()


async def read_line(reader):
    """Returns the next line, or None at the end of the stream."""
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        return None
    line = line[:-1].removesuffix(b"\r")
    return line.decode(errors="replace") if len(line) <= MAX_LINE else None


async def serve(reader, writer):
    name = None
    try:
        writer.write(b"name?\n")
        wanted = await read_line(reader)
        if wanted is None:
            return
        if not re.fullmatch("[0-9A-Za-z]{1,16}", wanted):
            writer.write(b"! a name is 1 to 16 ASCII letters and digits\n")
            return
        if wanted in room:
            writer.write(b"! that name is taken\n")
            return
        writer.write(" ".join(["* here:", *sorted(room)]).encode() + b"\n")
        name = wanted
        room[name] = writer
        tell(name, "* %s joined" % name)
        while (line := await read_line(reader)) is not None:
            tell(name, "<%s> %s" % (name, line))
    except ConnectionError:
        pass  # the client has gone
    finally:
        if name is not None:
            del room[name]
            tell(name, "* %s left" % name)
        writer.close()


async def main():
    host, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5004").rsplit(":", 1)
    server = await asyncio.start_server(serve, host, int(port), limit=MAX_LINE + 2)
    print("listening on %s:%d" % server.sockets[0].getsockname(), flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
