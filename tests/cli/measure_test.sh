#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# coir bench and coir pick: results, records, interruption. Every measurement is as short as it can
# be: what is tested is the command, not the machine.
. "$(dirname "$0")/support.sh"

# bench
run bench switch --rounds 1 --seconds 0.02
check "bench switch: status $status" [ "$status" -eq 0 ]
check 'bench switch: a table' grep -q 'epoll .* ns ' "$work/out"
check 'bench switch: nothing on stderr' [ ! -s "$work/err" ]

run bench spawn timers --rounds 1 --seconds 0.02 --reactor epoll,poll --json
check "bench --json: status $status" [ "$status" -eq 0 ]
check 'bench --json: the cases' json \
    'j["schema"] == "coir.bench/1" and j["interrupted_by"] == 0 and
     {c["scenario"] + "/" + c["name"] for c in j["cases"]} == {"spawn/one by one",
        "spawn/1,000 at once", "timers/arm", "timers/cancel", "timers/fire", "timers/late"} and
     all([s["name"] for s in c["series"] if s["kind"] == "reactor"] == ["epoll", "poll"] and
         all(s["median"] > 0 and len(s["rounds"]["value"]) == 1 for s in c["series"])
         for c in j["cases"])' "$work/out"
check 'bench --json: the machine' json \
    'j["machine"]["fingerprint"] and j["load_start"] and j["load_end"] and
     j["machine"]["limits"]["nofile_soft"] and j["machine"]["details"]["hypervisor"] and
     j["noise"]["spin_spread"] >= 0 and j["date"].endswith("Z") and
     j["command"] == "coir bench spawn timers --rounds 1 --seconds 0.02 --reactor epoll,poll --json"' \
    "$work/out"

run bench echo --rounds 2 --seconds 0.02 --connections 1,8 --size 3 --json
check "bench echo: status $status" [ "$status" -eq 0 ]
check 'bench echo: the figures' json \
    '[c["axis"]["at"] for c in j["cases"]] == [1, 8] and
     all(s["median"] > 0 and s["medians"]["cpu_ns_per_op"] > 0 and
         s["medians"]["rss_bytes"] > 100_000 and len(s["rounds"]["value"]) == 2 and
         0 < s["medians"]["p50_ns"] <= s["medians"]["p99_ns"] <= s["medians"]["p999_ns"] and
         s["latency"][-1][1] == sum(s["rounds"]["operations"])
         for c in j["cases"] for s in c["series"] if "error" not in s)' "$work/out"
check 'bench echo: baselines beside the reactors' json \
    '{"raw-epoll", "raw-poll", "threads"} <= {s["name"] for s in j["cases"][0]["series"]
        if s["kind"] == "baseline" and "error" not in s}' "$work/out"
# A message that is larger than any socket buffer.
run bench echo --rounds 1 --seconds 0.05 --connections 2 --size 1048576 --reactor epoll
check "bench echo with large messages: status $status" [ "$status" -eq 0 ]

if [ -c /dev/full ]; then
    "$coir" bench switch --rounds 1 --seconds 0.01 --reactor poll >/dev/full 2>"$work/err"
    status=$?
    check "bench >/dev/full: status $status" [ "$status" -eq 1 ]
fi

# Ctrl-C: within a second, with no child left behind. The process group stands for a terminal's.
if command -v python3 >/dev/null; then
    if python3 "$(dirname "$0")/interrupt_check.py" "$coir" >"$work/out" 2>"$work/err"; then
        pass
    else
        fail 'interrupting a measurement'
    fi
else
    skip 'python3 is needed to interrupt a measurement'
fi

# pick
run pick --budget 2s --json
check "pick: status $status" [ "$status" -eq 0 ]
check 'pick: the recommendation' json \
    'j["schema"] == "coir.pick/1" and j["reason"] and j["rounds"] >= 1 and
     j["workload"] == "mixed" and j["goal"] == "throughput" and
     j["reactor"] in [s["name"] for s in j["bench"]["cases"][0]["series"]] and
     all(c["goal"]["low"] <= c["goal"]["speed"] <= c["goal"]["high"] for c in j["comparisons"])' \
    "$work/out"

# The record, and whether the library follows it. One candidate makes the outcome certain.
record="$XDG_CONFIG_HOME/coir/reactor"
run pick --budget 1s --reactor poll --write
check "pick --write: status $status" [ "$status" -eq 0 ]
check 'pick --write says where' grep -qxF "recorded in $record" "$work/out"
check 'the record' grep -qx 'reactor = poll' "$record"
check 'no other file is left' [ "$(ls "$XDG_CONFIG_HOME/coir")" = reactor ]
run reactors --json
check 'the library follows it' json 'j["auto"]["reactor"] == "poll" and
    "coir/reactor" in j["auto"]["why"]' "$work/out"
COIR_REACTOR=epoll run reactors --json
check 'the environment goes first' json 'j["auto"]["reactor"] == "epoll"' "$work/out"

# Without a verdict the record stays.
run pick --workload timers --budget 1s --reactor epoll,poll --write
if grep -q 'too few' "$work/err"; then
    check "pick --write without a verdict: status $status" [ "$status" -eq 1 ]
    check 'the record stays' grep -qx 'reactor = poll' "$record"
else
    check "pick --write with a verdict: status $status" [ "$status" -eq 0 ]
    printf 'reactor = poll\nfingerprint = x\n' >"$record"
fi

sed -i 's/^fingerprint = .*/fingerprint = 1.0 | another processor | 3/' "$record"
run reactors --json
check 'another machine'"'"'s record is passed over with a note' json \
    'j["auto"]["reactor"] != "poll" and "another machine" in j["auto"]["why"]' "$work/out"

# Where nothing can be recorded, nothing is measured for it.
export COIR_CONFIG=/dev/full
refused 1 'it is not a regular file' pick --budget 1s --write
unset COIR_CONFIG
check 'the device is still there' [ -c /dev/full ]
: >"$work/plain"
XDG_CONFIG_HOME="$work/plain" refused 1 'cannot be written' pick --budget 1s --write user
mkdir "$work/locked"
chmod 555 "$work/locked"
chmod 755 "$work"
unprivileged="setpriv --reuid=65534 --regid=65534 --clear-groups"
if [ "$(id -u)" -ne 0 ]; then
    XDG_CONFIG_HOME="$work/locked" refused 1 'Permission denied' pick --budget 1s --write
elif $unprivileged "$coir" --version >/dev/null 2>&1; then
    XDG_CONFIG_HOME="$work/locked" $unprivileged "$coir" pick --budget 1s --write \
        >"$work/out" 2>"$work/err"
    status=$?
    check "a folder that cannot be written to: status $status" [ "$status" -eq 1 ]
    check 'the message' grep -q '^coir: .*cannot be written: Permission denied$' "$work/err"
else
    skip 'a folder that cannot be written to: root may write anywhere'
fi
# The choice is kept, and said to be, when only the report cannot be written.
if [ -c /dev/full ]; then
    "$coir" pick --budget 1s --reactor poll --write >/dev/full 2>"$work/err"
    status=$?
    check "pick >/dev/full: status $status" [ "$status" -eq 1 ]
    check 'what was recorded all the same' grep -qF "; poll is recorded in $record" "$work/err"
    check 'the record is whole' grep -q '^fingerprint = ' "$record"
fi
finish
