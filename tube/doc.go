// Package tube is a socket to talk with, as players and authors of netcat
// challenges need it: connect to a service, wait for what it says, answer.
// One type, [Tube], is all of a connection that was dialled, one that was
// accepted, and a program that was started.
//
//	ctx := context.Background()
//	t, err := tube.Connect(ctx, "nc chal.example.org 1337", tube.WithTimeout(10*time.Second))
//	if err != nil {
//		return err
//	}
//	defer t.Close()
//	for range 100 {
//		m, err := t.RecvRegexp(regexp.MustCompile(`(\d+) \+ (\d+) = `))
//		if err != nil {
//			return err // recv regexp /…/: timed out; came instead: "Too slow.\n"
//		}
//		a, _ := strconv.Atoi(m.Groups[1])
//		b, _ := strconv.Atoi(m.Groups[2])
//		if err := t.SendLine(strconv.Itoa(a + b)); err != nil {
//			return err
//		}
//	}
//	flag, err := t.RecvLine()
//
// The other side, with [Listen]:
//
//	l, err := tube.Listen(ctx, "tcp", "127.0.0.1:1337")
//	for t, err := range l.Tubes() {
//		…
//	}
//
// [Start] starts a program and talks with its standard input and output, [New]
// makes a Tube of any stream. The networks are TCP, TLS, UDP and Unix-domain
// sockets (streams and datagrams), over IPv4 and IPv6.
//
// Text is string, binary data is []byte: methods that end in Bytes are the
// same for binary data.
//
// # What every wait has in common
//
//   - It has one absolute deadline for the whole call, not one for each read:
//     from the tube's default ([WithTimeout]), from the view it is called on
//     ([Tube.Within], which is one deadline for all calls on the view), from a
//     context ([Tube.With], [WithContext]) and from [Tube.SetReadDeadline]; the
//     earliest counts. A peer that sends a byte now and then does not prolong it.
//   - Nothing that came is lost by a timeout, an error or the end of the
//     stream: what a failed call did not return stays unread, and the next call
//     finds it. (The methods that forget bytes are [Tube.Skip] and [Tube.Discard].)
//   - Its error is an [*Error], which says what was waited for and shows what
//     came instead. errors.Is tells [os.ErrDeadlineExceeded], [io.EOF] (nothing
//     came before the end), [io.ErrUnexpectedEOF] (something did, and is
//     unread), [ErrReset], [ErrTooLong], [net.ErrClosed] and the cause of a
//     context apart. Read, ReadByte, WriteTo and CloseRead keep to what package
//     io says about them.
//   - Its result does not depend on how the bytes were cut into segments on
//     their way. (For Recv, Read and expressions, which ask for what there is,
//     it does.)
//   - It costs time linear in the bytes that came, also when it is repeated
//     after a timeout: what was searched is not searched again. Unread bytes
//     take about their size in memory; on Unix a Tube over a socket or a pipe
//     holds no buffer while it waits.
//
// A call that sends has its one deadline in the same way. [Tube.SendAfter] and
// [Tube.SendLineAfter] send nothing when what they wait for does not come.
//
// # The names in pwntools
//
//	pwntools                         tube
//	remote(host, port)               Connect(ctx, "host:port"), Dial
//	remote(…, ssl=True)              Connect(ctx, "tls://host:port", WithTLS(&tls.Config{InsecureSkipVerify: true}))
//	                                 (without the option the certificate is verified)
//	listen(port)                     Listen, then Accept or Tubes
//	process([…])                     Start(exec.Command(…)), WithPTY
//	recv(n)                          Recv, Read
//	recvn(n)                         RecvN
//	recvline(), recvlineS()          RecvLine (without the line's end)
//	recvlines(n)                     Lines
//	recvuntil(delim)                 RecvUntil; to forget what comes: Skip
//	recvuntil(delim, drop=True)      RecvUntil, then strings.TrimSuffix
//	recvuntil((a, b))                RecvAny, which tells which one it was
//	recvregex, recvline_regex        RecvRegexp, Expect
//	recvall()                        RecvAll(limit)
//	recvrepeat(t), clean(t)          RecvRepeat(t); what is there already: Drain; all to the end: Discard
//	recvpred(f)                      Lines, ReadByte, or RecvRegexp
//	recvline_contains(…) and its kind  RecvRegexp, Lines
//	can_recv(timeout)                Within(timeout).Peek(1)
//	unrecv(data)                     Unrecv
//	send, sendline                   Send, SendLine
//	sendafter, sendlineafter         SendAfter, SendLineAfter
//	sendthen, sendlinethen           Send, then RecvUntil
//	p32(x), u32(b)                   Pack(uint32(x), binary.LittleEndian), Unpack
//	enhex, unhex, b64e, b64d         Hex, Unhex, Base64, Unbase64
//	shutdown("send"), shutdown("recv")  CloseWrite, CloseRead
//	close()                          Close; at once, with a reset: Abort
//	interactive()                    Interactive
//	connect_both, connect_input      Join, WriteTo
//	stream()                         WriteTo(os.Stdout)
//	spawn_process([…])               Start, then Join
//	fromsocket(s)                    New
//	timeout=…, context.timeout       Within, WithTimeout
//	context.log_level = "debug"      WithTrace
//	newline=…                        WithNewline
//	poll(), wait()                   Within(0).Wait, Wait
//
// # Concurrency
//
// Every method may be called from any goroutine at any time. Receiving calls
// wait for each other, so each gets what it asked for in one piece; so do
// sending calls; receiving and sending do not wait for each other. A call that
// waits for its turn keeps to its deadline. Unrecv, UnreadByte and Buffered
// wait for a receiving call that is under way, without a deadline.
//
// A Tube starts no goroutine for a network connection, except for the
// handshake of an accepted TLS connection. For a program it keeps one that
// waits for its end, and for a stream without deadlines one in each direction,
// which end when Close has closed the stream.
//
// # What it does not do
//
// It does not reconnect, retry or log, and it keeps no state outside a Tube.
// Reading from the connection below ([Tube.Conn]) goes past the unread bytes.
// The end of a TLS stream counts as one also where the peer has just hung up,
// without close_notify, as many servers in Python do: somebody in between could
// have cut it there. A write that timed out may have sent a part. Killing a program does not kill
// the programs it has started. On Windows there are no terminals.
package tube
