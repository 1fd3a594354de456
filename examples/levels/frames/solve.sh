#!/usr/bin/env bash
# frames: read exactly 4 bytes, then exactly as many as they say.  usage: solve.sh HOST PORT
coproc ${NC:-nc} "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
exactly() { dd bs=1 count="$1" status=none <&3; }
while read -r key n <&3 && [ "$key" != FRAMES ]; do :; done
for ((i = 0; i < n; i++)); do
	read -r a b c d < <(exactly 4 | od -An -tu1) # big-endian
	size=$(((a << 24) + (b << 16) + (c << 8) + d))
	printf -v le '\\x%02x' $((size & 255)) $((size >> 8 & 255)) $((size >> 16 & 255)) $((size >> 24))
	{ printf "$le"; exactly $size; } >&4 # little-endian
done
read -r key rest <&3
[ "$key" = FLAG ] && echo "$rest"
