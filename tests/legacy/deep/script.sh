#!/bin/bash
# SPDX-License-Identifier: BSL-1.0
# What shells do all day: substitutions, pipes, jobs, descriptors, traps. No threads at all.
set -u
echo "$(printf '%s\n' c a b | sort | tr '\n' ' ')"
for i in 1 2 3; do (sleep 0.0$i; exit "$i") & done
wait
(exit 7) || echo "status $?"
exec 3</etc/passwd 4>&1
read -r line <&3 && echo "${line%%:*}" >&4
exec 3<&- 4>&-
ls /proc/self/fd | awk '$1 < 100' | wc -l  # coir's own are above
while read -r word; do echo "read $word"; done < <(printf 'x\ny\n')
trap 'echo trapped' USR1
kill -USR1 $$
trap 'echo at the end' EXIT
result=$(trap - EXIT; cat <<< "$(seq 1 2000 | awk '{ s += $1 } END { print s }')")
echo "$result"
yes | head -n 3 | tr y n
kill -TERM $(sleep 5 >/dev/null & echo $!) && echo killed
coproc { read -r got; echo "back: $got"; }
exec 5<&"${COPROC[0]}" 6>&"${COPROC[1]}"
echo there >&6
read -r back <&5
exec 5<&- 6>&-
echo "$back"
f() { return 3; }
f
echo "f: $?"
printf '%s\n' {1..5} | while read -r n; do ((n % 2)) && echo "odd $n"; done
exit 9
