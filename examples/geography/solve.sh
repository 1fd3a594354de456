#!/usr/bin/env bash
# A skeleton solver for Geography, with nothing but bash and awk.
#
#   ./solve.sh HOST PORT                       plays the ranked game
#   ./solve.sh HOST PORT 'practice distance'   plays practice instead
#
# It answers three kinds. The others are yours: add a case to solve().
set -u
export LC_ALL=C.UTF-8

host=${1:?usage: solve.sh HOST PORT [COMMAND]} port=${2:?usage: solve.sh HOST PORT [COMMAND]}
first=${3:-start}

declare -A capitals=([France]=Paris [Japan]=Tokyo [Kenya]=Nairobi) # … and 190 more

# solve KIND PROMPT: prints the answer, or nothing. The block's lines are in the array block.
solve() {
	local country hex
	case $1 in
	capital)
		country=${2#What is the capital of } country=${country%\?}
		echo "${capitals[$country]:-}"
		;;
	emoji) # each letter of a code is four bytes: f0 9f 87 and a6 for A
		[[ $2 == *'flag is '* ]] || return
		for hex in ${2#*flag is }; do
			case $hex in
			f0 | 9f | 87) ;;
			[0-9a-f][0-9a-f]) printf "\\$(printf %o $((16#$hex - 16#a6 + 65)))" ;;
			*) break ;;
			esac
		done
		echo
		;;
	distance) # haversine; the last two words of a line are its coordinates
		printf '%s\n' "${block[@]}" | awk '
			{ lat[NR] = $(NF-1) * r; lon[NR] = $NF * r }
			BEGIN { r = atan2(0, -1) / 180 }
			END {
				h = sin((lat[2]-lat[1])/2)^2 + cos(lat[1])*cos(lat[2])*sin((lon[2]-lon[1])/2)^2
				printf "%.1f\n", 6371.0088 * 2 * atan2(sqrt(h), sqrt(1-h))
			}'
		;;
	esac
}

exec 3<>"/dev/tcp/$host/$port" || exit 1
question='' block=()

# A line starts with what it is; "> " has no line end and means that the server waits.
while IFS= read -r -N 1 start <&3; do
	case $start in
	$'\n') continue ;;
	'>')
		IFS= read -r -N 1 _ <&3
		if [[ -z $question ]]; then
			reply=${first:-quit} first=''
		else
			read -r _ _ kind prompt <<<"$question"
			reply=$(solve "$kind" "$prompt")
			if [[ -z $reply ]]; then
				echo "no answer to: $kind $prompt" >&2
				reply=quit
			fi
			question=''
		fi
		echo "> $reply"
		printf '%s\n' "$reply" >&3
		continue
		;;
	esac
	IFS= read -r rest <&3
	line=$start$rest
	echo "$line"
	case $line in
	'Q '*) question=$line block=() ;;
	'| '*) block+=("${line#| }") ;;
	esac
done
