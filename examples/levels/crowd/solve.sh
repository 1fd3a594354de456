#!/usr/bin/env bash
# crowd: five netcats at once, each between two pipes.  usage: solve.sh HOST PORT
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
await() { # the rest of connection $1's next line that begins with $2
	while read -r key rest <&"${from[$1]}"; do
		[ "$key" = "$2" ] && echo "$rest" && return
	done
}
room=new
for i in 1 2 3 4 5; do
	mkfifo "$dir/to$i" "$dir/from$i"
	${NC:-nc} "$1" "$2" <"$dir/to$i" >"$dir/from$i" &
	exec {fd}>"$dir/to$i" && to[$i]=$fd
	exec {fd}<"$dir/from$i" && from[$i]=$fd
	echo "$room" >&"${to[$i]}"
	[ $i = 1 ] && room=$(await 1 ROOM)
done
for i in 1 2 3 4 5; do
	read -r n word < <(await $i SHARE)
	words[$n]=$word
done
echo "${words[*]}" >&"${to[1]}"
flag=$(await 1 FLAG)
[ "$flag" ] && echo "$flag"
