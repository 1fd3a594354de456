#!/usr/bin/env bash
# web: two requests on one connection; Content-Length says where a body ends.  usage: solve.sh HOST PORT
coproc ${NC:-nc} "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
body() { # of the next response
	while read -r name value <&3 && [ "$name" != $'\r' ]; do
		[ "$name" = Content-Length: ] && length=${value%$'\r'}
	done
	dd bs=1 count="$length" status=none <&3
}
printf 'GET / HTTP/1.1\r\nHost: %s\r\n\r\n' "$1" >&4
word=$(body | sed -n 's/^WORD //p')
printf 'POST /flag HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\nword=%s' "$1" $((5 + ${#word})) "$word" >&4
flag=$(body | sed -n 's/^FLAG //p')
[ "$flag" ] && echo "$flag"
