#!/usr/bin/env bash
# callback: one netcat listens, another talks.  usage: solve.sh HOST PORT
# LISTEN is how yours listens: "nc -l" (OpenBSD, ncat), "nc -l -p" (traditional)
port=$((20000 + RANDOM % 10000))
coproc ${NC:-nc} "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}" 5< <(${LISTEN:-nc -l} $port </dev/null 4>&-)
while read -r key rest <&3; do
	case $key in
	'PORT?' | AGAIN) echo $port >&4; sleep 0.2 ;; # again while nc is not yet listening
	CALLED) read -r _ word <&5; echo "$word" >&4 ;;
	FLAG) echo "$rest"; exit ;;
	NO) echo "$rest" >&2; exit 1 ;;
	esac
done
exit 1
