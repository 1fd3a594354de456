package cmdline

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// dashes are those of options, not of words: -v, --ssl, -1, 10-20.
var dashes = regexp.MustCompile(`(^|[^\pL])-+|-[0-9]`)

// roff escapes text for troff, which makes a hyphen of a bare "-".
func roff(s string) string {
	s = strings.ReplaceAll(s, `\`, `\e`)
	s = strings.ReplaceAll(s, "…", "...") // plain roff is ASCII
	s = dashes.ReplaceAllStringFunc(s, func(o string) string { return strings.ReplaceAll(o, "-", `\-`) })
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

const manIntro = `.TH NC 1 "%s" "flagstaff" "User Commands"
.SH NAME
nc \- connect and listen: TCP, UDP, Unix sockets, TLS
.SH SYNOPSIS
.B nc
[\fIoptions\fR] \fIhost port\fR
.br
.B nc \-l
[\fIoptions\fR] [\fIhost\fR] \fIport\fR
.br
.B nc \-z
[\fIoptions\fR] \fIhost port\fR|\fIlow\-high\fR ...
.br
.B nc \-U
[\fIoptions\fR] \fIpath\fR
.SH DESCRIPTION
nc connects its standard input and output to a network connection, one that it makes or, with
.BR \-l ,
one that it waits for.
.PP
When the input ends, the peer is told (half-close), and what it still says is received. When the peer has finished and
everything is written, nc ends; input that is there by then is still sent. If the peer has finished without a word and the
input is no terminal, nc waits a quarter of a second for input, and if the peer takes that, sends all of it.
The end of an empty input is told when the peer has been quiet for a second, and by a listener not at all. The end of any input
that goes through a proxy is told when the peer has been quiet for a second.
.PP
A \fITIME\fR is a number of seconds, or a number with ms, s, m or h. Long options may be shortened.
Called as
.B ncat
or with
.BR \-\-compat=ncat ,
nc takes ncat's letters, and port 31337 where none is given; with
.B \-\-compat=traditional
those of the traditional netcat. Long options mean the same everywhere.
`

const manEnd = `.SH "EXIT STATUS"
0: done. 1: the network (no connection, no open port, a reset), a program that could not be started, or a file that could not be
read or written. 2: the command line. A signal that ends nc is passed on: the shell shows 128 and its number, such as 130 after Ctrl-C.
.SH ENVIRONMENT
.TP
.B NC_PROXY_PASSWORD
The password for the user of \-P.
.TP
.B NC_TCP_MD5_KEY
The key of \-S.
.TP
.BR NCAT_REMOTE_ADDR ", " NCAT_REMOTE_PORT ", " NCAT_LOCAL_ADDR ", " NCAT_LOCAL_PORT ", " NCAT_PROTO
Set for programs started with \-e and \-c.
.SH EXAMPLES
.TP
.B nc chal.example.org 1337
Play a challenge.
.TP
.B nc \-lk \-e /usr/bin/cat 4444
An echo server, a process for each connection.
.TP
.B nc \-l 4444 >file; nc host 4444 <file
Copy a file.
.TP
.B nc \-vz host 1\-1024
Which ports are open.
.TP
.B nc \-\-ssl \-\-ssl\-alpn h2 www.example.org 443
Speak TLS.
.TP
.B nc \-x 127.0.0.1:9050 host 80
Through a SOCKS5 proxy.
.SH "SEE ALSO"
.BR ncat (1),
.BR socat (1),
.BR ss (8),
.BR openssl\-s_client (1ssl)
`

// ManPage is nc(1), made from the table of options.
func ManPage() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, manIntro, date())
	for _, g := range groups {
		fmt.Fprintf(&b, ".SH \"%s\"\n", roff(strings.ToUpper(g)))
		for i := range options {
			o := &options[i]
			if o.group != g {
				continue
			}
			b.WriteString(".TP\n")
			var names []string
			if o.letter != 0 {
				names = append(names, `\fB\-`+string(o.letter)+`\fR`)
			}
			for _, n := range append([]string{o.long}, o.aliases...) {
				names = append(names, `\fB\-\-`+roff(n)+`\fR`)
			}
			line := strings.Join(names, ", ")
			if o.arg != "" {
				line += ` \fI` + roff(o.arg) + `\fR`
			}
			help := o.help
			if o.refuse != "" {
				help = "Refused: " + o.refuse + "; " + o.instead + "."
			}
			fmt.Fprintf(&b, "%s\n%s\n", line, roff(help))
		}
	}
	b.WriteString(manEnd)
	return b.Bytes()
}
