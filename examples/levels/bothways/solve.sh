#!/usr/bin/env bash
# bothways: the netcat sends and receives at the same time.  usage: solve.sh HOST PORT
flag=$(head -c 16777216 /dev/zero | ${NC:-nc} "$1" "$2" | tail -c 200 | tr -d '\0' | sed -n 's/^FLAG //p')
[ "$flag" ] && echo "$flag"
