#!/usr/bin/env bash
# clock: all questions first, then answers, pongs, and what is overdue.  usage: solve.sh HOST PORT
coproc ${NC:-nc} "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds
while read -r key rest <&3 && [ "$key" != READY ]; do :; done
echo start >&4
while ((${#value[@]} < 20)); do
	ask=
	for i in {1..20}; do [ "${value[$i]}" ] || ask+="get $i"$'\n'; done
	printf %s "$ask" >&4
	end=$(($(now) + 900000))
	while ((${#value[@]} < 20 && $(now) < end)); do
		read -t 0.1 -r key i v <&3 || continue
		case $key in
		PING) echo "pong $i" >&4 ;;
		VALUE) value[$i]=$v ;;
		NO) echo "$i $v" >&2; exit 1 ;;
		esac
	done
done
sum=0
for v in "${value[@]}"; do ((sum += v)); done
echo "sum $sum" >&4
while read -r key rest <&3; do
	[ "$key" = FLAG ] && echo "$rest" && exit
done
exit 1
