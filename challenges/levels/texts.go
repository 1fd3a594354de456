package levels

import (
	"time"

	"github.com/flagstaff-ctf/flagstaff/chal"
)

// The lessons and hints, together so that they can be read as one text. A line has at most 76 columns,
// and so 78 when it is printed behind "| ".

var helloText = Level{
	Challenge: chal.Challenge{
		Name: "hello", Description: "connect, read, send a line", Points: 10, Solve: solveHello,
	},
	Lesson: `You are connected. Your client made a socket and called connect(2); here,
accept(2) returned a socket for you alone. Both ends can now send bytes and
receive them, in both directions, until somebody closes.

In these levels the server speaks in lines, and so do you. A line ends with
LF (\n); CRLF (\r\n) will do, and so will the end of all you send.

Below is a word. Send it back as a line. In any level the line "hint"
brings a hint.`,
	Hint: `Type the word and press Enter. In Python: s.sendall(b"word\n")
What you send are bytes: "word\n".encode() makes them of text.`,
}

var dribbleText = Level{
	Challenge: chal.Challenge{
		Name: "dribble", Description: "a stream has no messages", Points: 20, Solve: solveDribble,
	},
	Lesson: `TCP carries a stream of bytes. It keeps their order and loses none, but it
knows no messages: what was sent with one send(2) may arrive in ten pieces,
and ten sends may arrive as one. recv(4096) means "at most 4096", and it
returns as soon as there is a single byte.

So the receiver puts together what belongs together: here, everything up
to the next LF. What comes after it is kept for the next line.

I send sums in pieces of 1 to 9 bytes. Answer each with its result as a
line. I send three, then I wait for three answers.`,
	Hint: `Call recv again and again until your buffer has a \n; take the line out
and keep the rest. Python does it for you: f = s.makefile(); f.readline()`,
}

var bytesText = Level{
	Challenge: chal.Challenge{
		Name: "bytes", Description: "encode and decode", Points: 30, Solve: solveBytes,
	},
	Lesson: `A socket carries bytes: numbers from 0 to 255. Text becomes bytes by an
encoding, and both ends must agree on which. Six questions:
HEX h       send the twelve bytes that h writes down, nothing else, no LF
RAW n       n bytes follow after the LF; send them as a line of hex
BASE64 b    send the bytes that b writes down as a line of hex
UTF8 text   send how many bytes, and how many characters (code points)
UTF16LE h   or UTF16BE: send the text that the bytes h are, in UTF-8
LATIN1 h    send the text that the bytes h are, in UTF-8
NUL is a byte like any other, and so are FF (no UTF-8 has it) and LF.`,
	Hint: `Python: bytes.fromhex(h), b.hex(), base64.b64decode(b), len(t.encode()),
len(t), b.decode("utf-16-le"), b.decode("latin-1"); for RAW read n bytes.
Shell: xxd -r -p, xxd -p, base64 -d, wc -c, wc -m, iconv -f UTF-16LE`,
}

var framesText = Level{
	Challenge: chal.Challenge{
		Name: "frames", Description: "length before data", Points: 40, Solve: solveFrames,
	},
	Lesson: `Lines do not suit binary data, where LF is a byte like any other. There one
sends the length first: so the receiver knows how many bytes to wait for.

After FRAMES come twelve frames: a length of 32 bits, big-endian (the most
significant byte first, "network order"), and as many bytes. Send every
payload back, in order, as a frame with a little-endian length.

Some frames arrive glued together, some are split, even inside the length.
One is empty: that is not the end of anything.`,
	Hint: `Write recv_exactly(n), which calls recv until it has n bytes. In Python:
struct.unpack(">I", recv_exactly(4)) and struct.pack("<I", len(payload)).
10 is 00 00 00 0a in big-endian and 0a 00 00 00 in little-endian.`,
}

var finishText = Level{
	Challenge: chal.Challenge{
		Name: "finish", Description: "half-close", Points: 30, Solve: solveFinish, IdleTimeout: finishTime,
	},
	Lesson: `A TCP connection is two streams, one each way, and each is ended on its
own. shutdown(fd, SHUT_WR) says "I send no more": it sends FIN, and the
other end reads end of file (recv returns 0 bytes). Your receiving side
stays open. close(fd) gives up both.

Send me some lines. I answer when I have read your end of file, because
only then do I know that this was all. You have 20 seconds.`,
	Hint: `Python: s.shutdown(socket.SHUT_WR), then go on receiving.
printf 'a\nb\n' | nc -N (OpenBSD), nc -q 1 (traditional), or plain ncat.`,
}

var bothwaysText = Level{
	Challenge: chal.Challenge{
		Name: "bothways", Description: "send and receive at the same time", Points: 50, Solve: solveBothways,
		IdleTimeout: bothwaysIdle, SessionTimeout: bothwaysTime,
	},
	Lesson: `Send me 16777216 bytes (16 MiB), whichever you like. I send each of them
back as it comes, and after the last one the flag.

Between us are buffers, in your kernel and in mine, of some MiB. When yours
for receiving is full, mine for sending fills up; then I stop reading, your
send(2) waits, and if you only read after sending, both of us wait for
ever. That is back-pressure, and it is good: nobody needs endless memory.

So read while you send: with a thread, a goroutine, or select(2)/poll(2).`,
	Hint: `One thread sends, the other receives. Or let nc do it, which does both:
head -c 16777216 /dev/zero | nc HOST PORT | tail -c 100`,
}

var crowdText = Level{
	Challenge: chal.Challenge{
		Name: "crowd", Description: "several connections at once", Points: 40, Solve: solveCrowd,
	},
	Lesson: `A listening socket only makes other sockets: accept(2) returns a new one for
each connection. All have the server's port; what tells them apart is the
pair of both addresses and both ports, and your port differs each time.

Five connections must be in a room together. Send "new" for a room, and its
name on four further connections, within a minute, leaving all open. Each
is then told a share: its number and a word. Send the five words, 1 to 5,
with blanks between, as a line on any of the five.`,
	Hint: `Five sockets in a list: [socket.create_connection(a) for _ in range(5)]
Or five terminals with nc. In a shell: exec {fd}<>/dev/tcp/HOST/PORT`,
}

var clockText = Level{
	Challenge: chal.Challenge{
		Name: "clock", Description: "timeouts, pipelining, heartbeat", Points: 60, Solve: solveClock,
	},
	Lesson: `Send "start". From then you have 6 seconds to send "sum N", N being the sum
of 20 numbers. Ask for them with "get 1" to "get 20"; the answer "VALUE 1
457" comes 400 ms after each question. One at a time, that is 8 seconds;
but you need not wait for an answer to ask again. That is pipelining.

One answer gets lost: notice that it is overdue, and ask again after a
while. When I send "PING w", send "pong w" within 2 seconds, or I take you
for dead. Mind that a PING makes recv return, so a limit on each recv is
no limit on the answer: fix a point in time.`,
	Hint: `Send all 20 gets at once. Then loop: end = now + 0.9 s; until end,
s.settimeout(end - now) and read a line; answer PING, note VALUE. Then
ask for what is missing, and loop again.`,
}

var datagramText = Level{
	Challenge: chal.Challenge{
		Name: "datagram", Description: "UDP", Points: 50, Solve: solveDatagram,
	},
	Lesson: `UDP has no connection and no stream. Each sendto(2) is one datagram, which
arrives whole, or not at all, perhaps twice or later than the next. What
does not fit the buffer of your recv is thrown away.

Pad every request to 1000 bytes with blanks, one datagram each:
cookie      the reply is COOKIE c: proof that you receive at your address
get c 1     to get c 4: a piece, its word at the very end. Half of the
            requests get lost: ask again when no reply comes.
answer c w1 w2 w3 w4          the four words, for the flag.`,
	Hint: `Python: s.settimeout(0.3); s.send(b"get ...".ljust(1000)); s.recv(2000)
Shell: printf '%-1000s' cookie | timeout 0.5 nc -u HOST PORT
"lesson" and "hint" are requests too, when padded.`,
}

var callbackText = Level{
	Challenge: chal.Challenge{
		Name: "callback", Description: "now you listen", Points: 40, Solve: solveCallback,
	},
	Lesson: `A server is who waits: socket, bind to a port, listen(2), accept(2). A
client is who connects. That is all the difference; once connected, the
two ends are equals.

Listen on a port of yours, then tell me which. I connect to it, at the
address you come from, and say a word. Send me the word here.

Bound to 127.0.0.1 a server is reached only from its own machine; bound to
0.0.0.0 it is reached at all its addresses.`,
	Hint: `In another terminal: nc -l 4444 (traditional: nc -l -p 4444); send 4444.
In Python: socket.create_server(("", 4444)).accept()`,
}

var goodbyeText = Level{
	Challenge: chal.Challenge{
		Name: "goodbye", Description: "FIN and RST", Points: 50, Solve: solveGoodbye, IdleTimeout: time.Minute,
	},
	Lesson: `A connection ends in one of two ways. FIN says "I have sent all": the other
end reads everything, then end of file. RST says "this is over": the other
end gets ECONNRESET, and what was still under way is lost.

RST comes when a program closes with SO_LINGER on and a time of 0, when it
closes with received bytes unread (on most systems), or when somebody
sends to a socket that is gone.

Send "new" for a ticket, and end that connection with RST, not with FIN.
Then connect again and send the ticket: I tell you what I saw.`,
	Hint: `Python: setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0)), close.
bash: exec 3<>/dev/tcp/HOST/PORT; read up to the ticket; exec 3>&-
(lines after the ticket stay unread). socat has the option linger=0.`,
}

var webText = Level{
	Challenge: chal.Challenge{
		Name: "web", Description: "HTTP/1.1 by hand", Points: 40, Solve: solveWeb, IdleTimeout: webTime,
	},
	Lesson: `HTTP/1.1 is lines over TCP (RFC 9112), each ended with CRLF: a request
line, header fields, an empty line, then the body. Host is mandatory. The
side that sends a body says how long it is with Content-Length, so the
connection stays open for the next request: nobody needs to close to end.

GET / with a Host field shows this page and a word. Then, on the same
connection, POST to /flag the body word=WORD. GET /hint shows the hint.`,
	Hint: `printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' is a whole request. The second:
POST /flag HTTP/1.1, Host: x, Content-Length: 11, an empty line, word=...
Read the first body by its Content-Length, not until end of file.`,
}

var tlsText = Level{
	Challenge: chal.Challenge{
		Name: "tls", Description: "SNI, a pin, close_notify", Points: 60, Solve: solveTLS,
	},
	Lesson: `This port speaks plain text and TLS. Keep this connection open, and visit
eight doors by TLS, each over a connection of its own to this same port.
The name that a client sends first (SNI) chooses: door1.RUN.` + tlsDomain + `
to door8.RUN..., RUN being the word below. A door says a letter. Believe it
1. if the certificate is the right one. Nobody signed it, so compare the
   SHA-256 of its DER form with the PIN below. Some doors are impostors. (A
   pin must come by another way than the thing it proves.)
2. and if the door ends with close_notify. FIN alone can be forged by those
   on the way, to cut off what you should have heard.
Send the letters that you believe here, in the order of the doors.`,
	Hint: `openssl s_client -connect HOST:PORT -servername door1.RUN.` + tlsDomain + `
  -ign_eof </dev/null, and what it prints into openssl x509 -noout
  -fingerprint -sha256. When close_notify is missing it says "unexpected
  eof"; Python raises SSLError, with suppress_ragged_eofs=False and
  without the option OP_IGNORE_UNEXPECTED_EOF.`,
}
