#!/usr/bin/env bash
# bytes: bytes with NUL go through pipes, never through variables.  usage: solve.sh HOST PORT
export LC_ALL=C.UTF-8 # wc -m counts characters of UTF-8
coproc ${NC:-nc} "$1" "$2"
exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
hex() { od -An -v -tx1 | tr -d ' \n'; echo; }
while read -r key rest <&3; do
	case $key in
	HEX) xxd -r -p <<<"$rest" >&4 ;;
	RAW) dd bs=1 count="$rest" status=none <&3 | hex >&4 ;;
	BASE64) base64 -d <<<"$rest" | hex >&4 ;;
	UTF8) echo $(printf %s "$rest" | wc -c) $(printf %s "$rest" | wc -m) >&4 ;;
	UTF16LE | UTF16BE) { xxd -r -p <<<"$rest" | iconv -f "${key/16/-16}" -t UTF-8; echo; } >&4 ;;
	LATIN1) { xxd -r -p <<<"$rest" | iconv -f latin1 -t UTF-8; echo; } >&4 ;;
	FLAG) echo "$rest"; exit ;;
	NO) echo "$rest" >&2; exit 1 ;;
	esac
done
exit 1
