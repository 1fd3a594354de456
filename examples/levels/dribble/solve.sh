#!/usr/bin/env bash
# dribble: read puts lines together, however they come.  usage: solve.sh HOST PORT
coproc ${NC:-nc} "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
while read -r key a plus b <&3; do
	case $key in
	SUM) echo $((a + b)) >&4 ;;
	FLAG) echo "$a"; exit ;;
	NO) echo "$a $plus $b" >&2; exit 1 ;;
	esac
done
exit 1
