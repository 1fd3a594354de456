package cmdline

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// values are the words an argument can be.
var values = map[string]string{
	"proxy-type": "4 4a 5 socks4 socks4a socks5 connect http", "proxy-dns": "local remote both none", "proxy-protocol": "v1 v2",
	"compat": "openbsd ncat traditional", "completion": "bash zsh fish", "color": "auto always never",
	"tos": strings.Join(slices.Sorted(maps.Keys(tosWords)), " "),
}

// Completion writes the completions of a shell, made from the table of options.
func Completion(shell string) []byte {
	switch shell {
	case "zsh":
		return zshCompletion()
	case "fish":
		return fishCompletion()
	}
	return bashCompletion()
}

// each calls f for every option that is not refused, with all its spellings.
func each(f func(o *option, names []string)) {
	for i := range options {
		o := &options[i]
		if o.refuse != "" {
			continue
		}
		var names []string
		if o.letter != 0 {
			names = append(names, "-"+string(o.letter))
		}
		for _, n := range append([]string{o.long}, o.aliases...) {
			names = append(names, "--"+n)
		}
		f(o, names)
	}
}

func takesFile(o *option) bool { return o.arg == "FILE" || o.arg == "COMMAND" }

func bashCompletion() []byte {
	var all, files []string
	var plain string // the letters that take no argument, and may stand before one that does: -vo FILE
	each(func(o *option, _ []string) {
		if o.letter != 0 && o.arg == "" {
			plain += string(o.letter)
		}
	})
	var cases bytes.Buffer
	each(func(o *option, names []string) {
		all = append(all, names...)
		if o.letter != 0 {
			names = append(names, fmt.Sprintf("-[%s]*%c", plain, o.letter))
		}
		if takesFile(o) {
			files = append(files, names...)
		}
		if v := values[o.long]; v != "" {
			fmt.Fprintf(&cases, "    %s) mapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\"); return;;\n", strings.Join(names, "|"), v)
		}
	})
	var b bytes.Buffer
	b.WriteString("_nc() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} operands=hostname\n")
	b.WriteString("  [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n  [[ $cur == = ]] && cur=\n  case $prev in\n")
	b.Write(cases.Bytes())
	fmt.Fprintf(&b, "    %s) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return;;\n  esac\n", strings.Join(files, "|"))
	b.WriteString("  [[ \" ${COMP_WORDS[*]:1:COMP_CWORD-1}\" == *\" -\"*([!- ])U* || \" ${COMP_WORDS[*]} \" == *\" --unix\"* ]] && operands=file\n")
	fmt.Fprintf(&b, "  if [[ $cur == -* ]]; then\n    mapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\")\n", strings.Join(all, " "))
	b.WriteString("  else\n    mapfile -t COMPREPLY < <(compgen -A $operands -- \"$cur\")\n  fi\n}\ncomplete -o filenames -F _nc nc\n")
	return b.Bytes()
}

// zshCompletion is a function that may be sourced, or be a file _nc in $fpath.
func zshCompletion() []byte {
	var b bytes.Buffer
	quote := strings.NewReplacer("'", `'\''`, "[", `\[`, "]", `\]`, ":", `\:`)
	b.WriteString("#compdef nc\n_nc() {\n  _arguments -s -S \\\n")
	each(func(o *option, names []string) {
		tail := ""
		switch v := values[o.long]; {
		case v != "":
			tail = ":" + quote.Replace(o.arg) + ":(" + v + ")"
		case takesFile(o):
			tail = ":" + quote.Replace(o.arg) + ":_files"
		case o.arg != "":
			tail = ":" + quote.Replace(o.arg) + ":"
		}
		for _, n := range names {
			eq := ""
			if o.arg != "" && strings.HasPrefix(n, "--") {
				eq = "="
			}
			fmt.Fprintf(&b, "    '*%s%s[%s]%s' \\\n", n, eq, quote.Replace(o.help), tail)
		}
	})
	b.WriteString("    ':host:{ if (( ${words[(I)(-[^-]#U*|--unix*)]} )); then _files; else _hosts; fi }' '*:port:_ports'\n}\n")
	b.WriteString("if [ \"${funcstack[1]}\" = _nc ]; then _nc \"$@\"; else compdef _nc nc; fi\n")
	return b.Bytes()
}

func fishCompletion() []byte {
	var b bytes.Buffer
	quote := strings.NewReplacer(`\`, `\\`, "'", `\'`)
	// What fish knows is another netcat's: it loads that when it is asked, and then it can go.
	b.WriteString("complete -C 'nc -' >/dev/null\ncomplete -c nc -e\n")
	b.WriteString("complete -c nc -f -n 'not __fish_contains_opt -s U unix unixsock' -a '(__fish_print_hostnames)'\n")
	each(func(o *option, _ []string) {
		b.WriteString("complete -c nc")
		if o.letter != 0 {
			fmt.Fprintf(&b, " -s %c", o.letter)
		}
		for _, n := range append([]string{o.long}, o.aliases...) {
			b.WriteString(" -l " + n)
		}
		switch v := values[o.long]; {
		case v != "":
			fmt.Fprintf(&b, " -x -a '%s'", v)
		case takesFile(o):
			b.WriteString(" -r -F")
		case o.arg != "":
			b.WriteString(" -x")
		default:
			b.WriteString(" -f")
		}
		fmt.Fprintf(&b, " -d '%s'\n", quote.Replace(o.help))
	})
	return b.Bytes()
}
