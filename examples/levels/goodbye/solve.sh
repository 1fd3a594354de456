#!/usr/bin/env bash
# goodbye: closing a socket with received bytes unread sends RST. bash reads byte by byte, so the lines
# after the ticket are still unread when it closes.  usage: solve.sh HOST PORT
exec 3<>"/dev/tcp/$1/$2"
echo new >&3
while read -r key ticket <&3 && [ "$key" != TICKET ]; do :; done
exec 3>&-

coproc ${NC:-nc} "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
echo "$ticket" >&4
while read -r key rest <&3; do
	[ "$key" = FLAG ] && echo "$rest" && exit
	[ "$key" = NO ] && echo "$rest" >&2 && exit 1
done
exit 1
