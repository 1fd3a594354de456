package cmdline

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// The few services everybody types, for systems without /etc/services.
var knownServices = map[string]int{"ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "pop3": 110, "imap": 143, "https": 443, "imaps": 993, "pop3s": 995}

// services reads /etc/services until f says to stop.
func services(f func(name string, port int, proto string) bool) {
	file, err := os.Open("/etc/services")
	if err != nil {
		for name, port := range knownServices {
			if !f(name, port, "tcp") {
				return
			}
		}
		return
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	for s.Scan() {
		line, _, _ := strings.Cut(s.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		num, proto, ok := strings.Cut(fields[1], "/")
		port, err := strconv.Atoi(num)
		if !ok || err != nil {
			continue
		}
		if !f(fields[0], port, proto) {
			return
		}
		for _, alias := range fields[2:] {
			if !f(alias, port, proto) {
				return
			}
		}
	}
}

func servicePort(name, proto string) (port int, ok bool) {
	services(func(n string, p int, pr string) bool {
		if n == name && pr == proto {
			port, ok = p, true
		}
		return !ok
	})
	return port, ok
}

// ServiceName returns the name of a port, "*" when it has none.
func ServiceName(port int, proto string) string {
	name := "*"
	services(func(n string, p int, pr string) bool {
		if p == port && pr == proto {
			name = n
			return false
		}
		return true
	})
	return name
}
