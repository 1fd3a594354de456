package cmdline

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/flagstaff-ctf/flagstaff/internal/nc/report"
)

// Given is one option as it stood on the command line.
type Given struct {
	opt   *option
	as    string // -w or --timeout, as typed
	value string
}

// Parse reads a command line as getopt does: letters may be joined, their
// arguments may follow directly, options and operands may be mixed, and "--"
// ends the options.
func Parse(args []string) (*Config, []Given, error) {
	c := &Config{Name: "nc", QuitAfter: -1, Color: "auto"}
	if len(args) > 0 {
		c.Name, args = filepath.Base(args[0]), args[1:]
	}
	args, err := c.chooseDialect(args)
	if err != nil {
		return c, nil, err
	}
	p := parser{c: c}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			p.operands = append(p.operands, args...)
			args = nil
		case strings.HasPrefix(arg, "--"):
			args, err = p.long(arg[2:], args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = p.letters(arg[1:], args)
		default:
			p.operands = append(p.operands, arg)
		}
		if err != nil {
			return c, p.given, err
		}
	}
	if c.Mode != modeRun {
		return c, p.given, nil
	}
	if err := c.check(p.operands); err != nil {
		return c, p.given, err
	}
	return c, p.given, nil
}

// chooseDialect looks at the name the program has and at --compat, which must be known before the first letter is read, and
// returns what follows.
func (c *Config) chooseDialect(args []string) ([]string, error) {
	base := strings.TrimSuffix(strings.ToLower(c.Name), ".exe")
	switch base {
	case "ncat":
		c.compat = compatNcat
	case "nc.traditional":
		c.compat = compatTraditional
	}
	if len(args) == 0 {
		return args, nil
	}
	whose, ok := strings.CutPrefix(args[0], "--compat=")
	rest := args[1:]
	if args[0] == "--compat" && len(args) > 1 {
		whose, rest, ok = args[1], args[2:], true
	}
	if !ok {
		return args, nil
	}
	switch whose {
	case "openbsd", "nc":
		c.compat = compatOpenBSD
	case "ncat", "nmap":
		c.compat = compatNcat
	case "traditional":
		c.compat = compatTraditional
	default:
		return nil, report.Usage("--compat=openbsd, --compat=ncat or --compat=traditional", "%q is nobody's dialect", whose)
	}
	return rest, nil
}

type parser struct {
	c        *Config
	given    []Given
	operands []string
}

// findLong finds a long option by its name, an alias, or the beginning of exactly one.
func findLong(name string) (*option, []string) {
	var found *option
	var near []string
	for i := range options {
		o := &options[i]
		for _, n := range append([]string{o.long}, o.aliases...) {
			if n == name {
				return o, nil
			}
			if name != "" && strings.HasPrefix(n, name) {
				if found != o {
					near = append(near, "--"+n)
				}
				found = o
			}
		}
	}
	if len(near) == 1 {
		return found, nil
	}
	return nil, near
}

func findHidden(name string) *option {
	for i := range hidden {
		if hidden[i].long == name {
			return &hidden[i]
		}
	}
	return nil
}

// findLetter finds what a letter means in the dialect.
func findLetter(d compat, l byte) *option {
	if long, ok := dialects[d][l]; ok {
		if o := findHidden(long); o != nil {
			return o
		}
		o, _ := findLong(long)
		return o
	}
	if d != compatOpenBSD {
		// The refused letters are worth their reasons in every dialect; any
		// other letter would mean something its users do not know.
		if l != 'N' {
			return nil
		}
	}
	for i := range options {
		if options[i].letter == l {
			return &options[i]
		}
	}
	return nil
}

func (p *parser) long(arg string, rest []string) ([]string, error) {
	name, value, hasValue := strings.Cut(arg, "=")
	o, near := findLong(name)
	if o == nil && name == "test" && p.c.compat == compatNcat { // ncat has it, and does not document it
		o = findHidden(name)
	}
	if o == nil {
		if len(near) > 1 {
			return rest, report.Usage("it could be "+strings.Join(near, ", "), "--%s is not clear", name)
		}
		return rest, report.Usage(suggest(name), "there is no option --%s", name)
	}
	as := "--" + name
	if o.arg == "" {
		if hasValue {
			return rest, report.Usage("write "+as, "%s takes no value", as)
		}
		return rest, p.set(o, as, "")
	}
	if !hasValue {
		if len(rest) == 0 {
			return rest, report.Usage(fmt.Sprintf("write %s=%s", as, o.arg), "%s needs a value", as)
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, p.set(o, as, value)
}

func (p *parser) letters(arg string, rest []string) ([]string, error) {
	for i := 0; i < len(arg); i++ {
		as := "-" + arg[i:i+1]
		o := findLetter(p.c.compat, arg[i])
		if o == nil {
			return rest, p.unknownLetter(arg[i])
		}
		if o.arg == "" {
			if err := p.set(o, as, ""); err != nil {
				return rest, err
			}
			continue
		}
		value := arg[i+1:]
		if value == "" {
			if len(rest) == 0 {
				return rest, report.Usage(fmt.Sprintf("write %s %s", as, o.arg), "%s needs a value", as)
			}
			value, rest = rest[0], rest[1:]
		}
		return rest, p.set(o, as, value)
	}
	return rest, nil
}

func (p *parser) unknownLetter(l byte) error {
	if l < 0x20 || l > 0x7e {
		return report.Usage("nc -h shows the options", "there is no option with the byte %#02x", l)
	}
	if p.c.compat != compatOpenBSD {
		if o := findLetter(compatOpenBSD, l); o != nil && o.refuse == "" {
			return report.Usage(fmt.Sprintf("if you mean nc's -%c, write --%s", l, o.long), "there is no option -%c in this dialect", l)
		}
	}
	switch l {
	case 'H', 'R', 'K', 'L', 'E', 'A', 'j', 'B':
		return report.Usage("TLS options are called --ssl-… here; nc --man lists all", "there is no option -%c", l)
	}
	return report.Usage("nc -h shows the options, nc --man explains all of them", "there is no option -%c", l)
}

func (p *parser) set(o *option, as, value string) error {
	if o.refuse != "" {
		return report.Usage(o.instead, "%s: %s", as, o.refuse)
	}
	p.given = append(p.given, Given{o, as, value})
	if err := o.set(p.c, value); err != nil {
		if _, whole := err.(*report.UsageError); whole {
			return err
		}
		return report.Usage(err.Error(), "%s: %q will not do", as, value)
	}
	return nil
}

// elsewhere are options that other programs have, and what is meant by them here.
var elsewhere = map[string]string{
	"tcp":  "nc speaks TCP where -u, -U and --vsock are left out",
	"port": "the port stands behind the host: nc HOST PORT, nc -l PORT; -p is the local one",
	"host": "the host stands before the port: nc HOST PORT, nc -l HOST PORT",
	"bind": "-s ADDR is the local address; nc -l ADDR PORT listens on one",
	"cert": "did you mean --ssl-cert?",
	"key":  "did you mean --ssl-key?",
}

// suggest names the long option nearest to what was typed: no more than a third of it is mistyped.
func suggest(name string) string {
	if hint, ok := elsewhere[name]; ok {
		return hint
	}
	best, at := "", min(len(name)/3+1, 3)
	for i := range options {
		for _, n := range append([]string{options[i].long}, options[i].aliases...) {
			if d := distance(name, n); d < at {
				best, at = n, d
			}
		}
	}
	if best != "" {
		return "did you mean --" + best + "?"
	}
	return "nc --man lists all options"
}

// distance is the edit distance of two words.
func distance(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diag, row[j] = row[j], min(row[j]+1, row[j-1]+1, diag+cost)
		}
	}
	return row[len(b)]
}

// PortRange is one port, or several: lo to hi, both included. name is the service as typed.
type PortRange struct {
	Lo, Hi int
	Name   string
}

// One reports whether it is a single port.
func (r PortRange) One() bool { return r.Lo == r.Hi }

// ParsePorts reads 80, 1-1024 or a service's name.
func ParsePorts(v, proto string, zero bool) (PortRange, error) {
	least := 1
	if zero {
		least = 0
	}
	bad := fmt.Errorf("a port is a number from %d to 65535, a range such as 1-1024, or a service's name", least)
	if lo, hi, ok := strings.Cut(v, "-"); ok {
		l, err1 := strconv.Atoi(lo)
		h, err2 := strconv.Atoi(hi)
		if err1 == nil && err2 == nil {
			if l > h {
				l, h = h, l
			}
			if l < least || h > 65535 {
				return PortRange{}, bad
			}
			return PortRange{Lo: l, Hi: h}, nil
		}
	}
	if n, err := strconv.Atoi(v); err == nil {
		if n < least || n > 65535 {
			return PortRange{}, bad
		}
		return PortRange{Lo: n, Hi: n}, nil
	}
	if n, ok := servicePort(v, proto); ok {
		return PortRange{Lo: n, Hi: n, Name: v}, nil
	}
	return PortRange{}, bad
}

// ParseUint32 reads a vsock context ID or port.
func ParseUint32(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}
