#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# coir sim: seeds of scenarios, replays, what cannot be obeyed.
. "$(dirname "$0")/support.sh"

run sim list
check "sim list: status $status" [ "$status" -eq 0 ]
check 'sim list: a scenario' grep -q '^echo_pair  ' "$work/out"

run sim echo_pair --count 40
check "sim: status $status" [ "$status" -eq 0 ]
check 'sim: all passed' grep -q '^echo_pair: 40 seeds passed' "$work/out"
check 'sim: nothing on stderr' [ ! -s "$work/err" ]

run sim two_loops --seed 7
check 'sim: one seed' grep -q '^two_loops: 1 seed passed' "$work/out"

run sim echo_pair --count 30 --jobs 3 --json
check 'sim --json' json \
    'j["schema"] == "coir.sim/1" and j["seeds"] == 30 and j["failed"] == [] and j["choices"] > 0' \
    "$work/out"

cat >"$work/kept" <<'END'
# kept
scenario echo_pair
seed 5
order uniform
faults partial=0.5
choices .4 1:4=2
END
run sim --replay "$work/kept"
check "sim --replay: status $status" [ "$status" -eq 0 ]
check 'sim --replay: says so' grep -q '^echo_pair: passed' "$work/out"

run sim --replay "$work/kept" --trace
check "sim --trace: status $status" [ "$status" -eq 0 ]
check 'sim --trace: a call' grep -Eq '^[0-9]+\.[0-9]{9}  [^ ]+ +listen\([0-9]+\) = 0$' "$work/out"
check 'sim --trace: the verdict is last' [ "$(tail -n 1 "$work/out")" = 'echo_pair: passed' ]
run sim echo_pair --seed 2 --trace
check "sim --seed --trace: status $status" [ "$status" -eq 0 ]
check 'sim --seed --trace: a choice' grep -q '  chosen: ' "$work/out"
refused 2 'for one world' sim echo_pair --trace
refused 2 'without --json' sim echo_pair --seed 2 --trace --json

echo 'scenario echo_pair' >"$work/bad"
echo 'choices 1:4=9' >>"$work/bad"
refused 1 'picked is less than count' sim --replay "$work/bad"
refused 1 'cannot be read' sim --replay "$work/nothing"
echo 'seed 1' >"$work/nameless"
refused 2 'no line names a scenario' sim --replay "$work/nameless"
refused 2 'goes without' sim --replay "$work/kept" --seed 1
refused 2 "did you mean 'echo_pair'" sim echo_piar
refused 2 'a scenario is needed' sim
refused 2 '--count' sim echo_pair --count 0
refused 2 '--jobs' sim echo_pair --jobs many
refused 2 'not JSON' sim echo_pair --minimise --json

# Ctrl-C: what was done.
"$coir" sim echo_pair --count 100000000 --jobs 2 >"$work/out" 2>"$work/err" &
command=$!
sleep 1
kill -INT "$command"
wait "$command"
status=$?
check "sim: interrupted with status $status" [ "$status" -eq 130 ]
check 'sim: what was done' grep -q '^echo_pair: [0-9]* seeds passed' "$work/out"

finish
