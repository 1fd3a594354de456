package cmdline

import (
	"runtime/debug"
	"strings"
)

// HelpText fits a terminal of 80 by 24.
const HelpText = `nc HOST PORT            connect            nc -l PORT       listen (0: any port)
nc -z HOST 1-1000       which are open     nc -U PATH       Unix socket
  -u  UDP               -4 -6  IPv4, IPv6  -n  no look-ups  -v  say what happens
  -k  after one connection, the next       -m N  at most N at once
  -p PORT -s ADDR  local port, address     -w TIME  give up connecting; idle end
  -q TIME  end after the end of input      -d  do not read the input
  -C  send CRLF         -i TIME  pause between lines   -t  answer TELNET
  -e CMD  -c 'SH CMD'  run on each connection    --pty  on a terminal
  -o FILE  hex dump     --output FILE  raw dump        --transcript FILE
  -x ADDR:PORT -X 5|4|4a|connect  through a proxy; --proxy-auth USER:PASS
  -l --proxy-type http|socks5     be a proxy     --proxy-protocol v1|v2
  --ssl  TLS, verified  --ssl-insecure  --ssl-fingerprint SHA256  --ssl-alpn P
  --ssl-cert FILE --ssl-key FILE  --ssl-trustfile FILE  --ssl-servername NAME
  --broker --chat  pass on to all         --allow --deny HOST,…  who may connect
  --send-only --recv-only --no-shutdown --half-open    the ends of the stream
  --idle-timeout TIME --wait TIME --delay TIME --limit-rate RATE --retry N
  --wait-for TEXT --send TEXT  steps  --hex  type \x41  --pow  solve  --no-edit
  --timestamps --progress --json --color --history FILE    what you see
  -I -O BYTES -M TTL --min-ttl -T TOS -b -D -F -S --keepalive --interface
TIME: seconds, or 500ms, 2m. The end of input is passed on (FIN), and nc ends
when the peer has. --explain says what a command line does; --man says all.
`

// date is the day of the commit that nc was built from, empty where that is not known.
func date() string {
	bi, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range bi.Settings {
		if s.Key == "vcs.time" {
			day, _, _ := strings.Cut(s.Value, "T")
			return day
		}
	}
	return ""
}

// Version is the line of --version.
func Version() string {
	v := "(devel)"
	if bi, ok := debug.ReadBuildInfo(); ok && bi.Main.Version != "" {
		v = bi.Main.Version
	}
	return "nc (flagstaff) " + v + "\n"
}
