#!/usr/bin/env bash
# All levels, one after the other, with nothing but nc, printf and what every shell has (and openssl for
# the last): the flags, one a line.
#
#	by-hand.sh HOST                        levels at 4001 and onwards
#	by-hand.sh HOST hello=5001 web=5002    these levels, at these ports
#
# NC and LISTEN choose other netcats, see the solutions.
cd "$(dirname "$0")" || exit
host=$1
shift
[ $# -gt 0 ] || set -- hello=4001 dribble=4002 bytes=4003 frames=4004 finish=4005 bothways=4006 crowd=4007 \
	clock=4008 datagram=4009 callback=4010 goodbye=4011 web=4012 tls=4013
for level in "$@"; do
	if flag=$("${level%=*}/solve.sh" "$host" "${level#*=}"); then
		echo "${level%=*} $flag"
	else
		echo "${level%=*} not solved" >&2
		failed=1
	fi
done
exit $failed
