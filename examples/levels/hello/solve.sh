#!/usr/bin/env bash
# hello: read the word, send it back.  usage: solve.sh HOST PORT  (NC=ncat chooses another netcat)
coproc ${NC:-nc} "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}" # they stay open when nc has ended
while read -r key rest <&3; do
	case $key in
	WORD) echo "$rest" >&4 ;;
	FLAG) echo "$rest"; exit ;;
	NO) echo "$rest" >&2; exit 1 ;;
	esac
done
exit 1
