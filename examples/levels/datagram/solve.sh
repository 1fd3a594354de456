#!/usr/bin/env bash
# datagram: each printf is one write, so one datagram; ask again while nothing comes.  usage: solve.sh HOST PORT
coproc ${NC:-nc} -u "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
trap 'kill $COPROC_PID' EXIT # UDP has no end: nc would wait for ever
ask() { # sends the request $1 until a reply begins with $2
	until printf '%-1000s' "$1" >&4; read -r -t 0.3 reply <&3 && [[ $reply == "$2"* ]]; do :; done
}
ask cookie COOKIE
cookie=${reply#COOKIE }
for i in 1 2 3 4; do
	ask "get $cookie $i" "PIECE $i "
	words+=" ${reply##* }"
done
ask "answer $cookie$words" FLAG
echo "${reply#FLAG }"
