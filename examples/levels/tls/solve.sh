#!/usr/bin/env bash
# tls: eight visits with openssl, one answer in plain text.  usage: solve.sh HOST PORT
coproc ${NC:-nc} "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
await() { while read -r key rest <&3; do [ "$key" = "$1" ] && echo "$rest" && return; done; }
echo >&4
pin=$(await PIN) run=$(await RUN)
for i in 1 2 3 4 5 6 7 8; do
	visit=$(openssl s_client -connect "$1:$2" -servername "door$i.$run.flagstaff.test" -ign_eof </dev/null 2>&1)
	print=$(openssl x509 -noout -fingerprint -sha256 <<<"$visit" | tr -d : | tr A-F a-f)
	[ "${print#*=}" = "$pin" ] || continue          # an impostor
	grep -q 'unexpected eof' <<<"$visit" && continue # cut off: no close_notify
	password+=$(sed -n 's/^LETTER //p' <<<"$visit")
done
echo "$password" >&4
flag=$(await FLAG)
[ "$flag" ] && echo "$flag"
