#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Every scenario of coir bench, as short as it can be: that it measures what it says, with the baselines
# that it says, and what it says when it cannot.
. "$(dirname "$0")/support.sh"
export TMPDIR="$work/scratch"
mkdir "$TMPDIR"

# Figures of a series by scenario, and that no reactor and no baseline of those names failed.
helpers='series = lambda scenario, name: [s for c in j["cases"] if c["scenario"] == scenario
                                          for s in c["series"] if s["name"] == name]
works = lambda scenario, *names: all(series(scenario, name) and all(
    "error" not in s and s["median"] > 0 for s in series(scenario, name)) for name in names)'
holds() {
    what=$1
    if ! command -v python3 >/dev/null; then
        skip "$what: python3 is needed"
    elif python3 -c 'import json, sys
j = json.load(open(sys.argv[3]))
exec(sys.argv[1])
sys.exit(0 if eval("(" + sys.argv[2] + ")") else 1)' "$helpers" "$2" "$work/out" 2>"$work/err"; then
        pass
    else
        fail "$what"
    fi
}

run bench unix udp pipe proxy rpc accept many idle --connections 10 --size 16 --rounds 1 \
    --seconds 0.03 --reactor epoll --json
check "servers: status $status" [ "$status" -eq 0 ]
uring=
"$coir" reactors | grep -q '^  io_uring *usable' && uring=", 'raw-io_uring'"
[ -n "$uring" ] || skip 'raw-io_uring: there is no io_uring here'
for scenario in unix udp pipe proxy rpc accept many idle; do
    holds "$scenario" "works('$scenario', 'epoll', 'raw-epoll', 'raw-poll', 'threads'$uring)"
done
holds 'udp: nothing is lost' "all(series('udp', name)[0]['medians']['lost_share'] == 0
    for name in ['epoll', 'raw-epoll', 'raw-poll', 'threads'$uring])"
holds 'unix: nothing can be lost' '"lost_share" not in series("unix", "epoll")[0]["medians"]'
holds 'idle: more than a stack page, less than a stack' \
    '500 < series("idle", "epoll")[0]["median"] < 1_000_000'
holds 'a proxy costs more than an echo server' \
    'series("proxy", "epoll")[0]["medians"]["cpu_ns_per_op"] >
     0.5 * series("unix", "epoll")[0]["medians"]["cpu_ns_per_op"]'
traced=
if python3 -c 'import json, sys
sys.exit("syscalls_per_op" not in json.load(open(sys.argv[1]))["cases"][0]["series"][0]["medians"])' \
    "$work/out" 2>"$work/err"; then
    traced=yes
    holds 'idle: servers that nobody asks make no calls' 'all(
        series("idle", name)[0]["medians"]["syscalls_per_op"] < 50 for name in ["epoll", "raw-epoll", "threads"])'
    holds 'pipe: a thread reads and writes' \
        '1.9 < series("pipe", "threads")[0]["medians"]["syscalls_per_op"] < 2.1'
    holds 'pipe: a loop also waits, for one or for several' \
        'all(2 < series("pipe", name)[0]["medians"]["syscalls_per_op"] < 3.1
             for name in ["raw-epoll", "raw-poll"])'
    [ -z "$uring" ] || holds 'a ring does more than one thing with a call' \
        'all(0 < series(scenario, "raw-io_uring")[0]["medians"]["syscalls_per_op"] < most
             for scenario, most in [("udp", 2.1), ("pipe", 2.1), ("rpc", 2.1), ("proxy", 4.2)])'
else
    skip 'system calls are not counted: tracing is not permitted here'
fi
holds 'what the load generator can do is said' \
    'any("proxy/10 connections: the load generator has CPU time for" in note for note in j["notes"])'

run bench files dns subprocess channel mutex wake spawn switch timers --rounds 1 --seconds 0.05 --reactor poll --json
check "loops: status $status" [ "$status" -eq 0 ]
for scenario in files dns subprocess channel mutex wake spawn; do
    holds "$scenario" "works('$scenario', 'poll', 'threads')"
done
holds 'wake: loops by hand' "works('wake', 'raw-epoll', 'raw-poll'$uring)"
holds 'switches and memory of everybody' 'all(s["medians"]["switches_per_op"] >= 0 and
    s["medians"]["rss_bytes"] > 1e5 for c in j["cases"] for s in c["series"])'
if [ "$traced" ]; then
    holds 'system calls of everybody' 'all(s["medians"]["syscalls_per_op"] >= 0
        for c in j["cases"] for s in c["series"])'
    calls='calls = lambda scenario, name, nth=0: series(scenario, name)[nth]["medians"]["syscalls_per_op"]'
    helpers="$helpers
$calls"
    holds 'what stays in the process makes hardly any' 'all(calls(scenario, "poll") < 0.1
        for scenario in ["switch", "spawn", "channel", "mutex", "timers"])'
    holds 'an uncontended mutex makes hardly any' 'calls("mutex", "threads") < 0.1'
    holds 'a thread costs several' '3 < calls("spawn", "threads") < 40'
    holds 'a sleeping task costs one poll' '0.9 < calls("timers", "poll", 3) < 2.5'
    holds 'a read in a thread costs one, and there is little else' '0.9 < calls("files", "threads") < 3'
    holds 'a loop is woken by two at least' \
        'all(2 <= calls("wake", name) < 12 for name in ["poll", "raw-epoll", "raw-poll"])'
fi
holds 'files: the cases' '[c["name"] for c in j["cases"] if c["scenario"] == "files"] ==
    ["cached reads", "O_DIRECT reads", "synced appends"]'
holds 'files: the page cache is faster than a disk that syncs' \
    'series("files", "threads")[0]["median"] > series("files", "threads")[2]["median"]'
holds 'subprocess: a program takes longer than a lookup' \
    'series("subprocess", "poll")[0]["median"] < series("dns", "poll")[0]["median"]'
holds 'a task is cheaper than a thread' \
    'series("spawn", "poll")[0]["median"] < series("spawn", "threads")[0]["median"]'
check 'files: none is left behind' [ -z "$(ls "$TMPDIR")" ]

# 25 % of what the server can do: everything is answered, at the rate that the case names.
run bench echo-open --rounds 1 --seconds 0.3 --reactor epoll --no-baselines --json
check "echo-open: status $status" [ "$status" -eq 0 ]
holds 'echo-open: the cases' \
    '[c["name"].split(" %: ")[0] for c in j["cases"]] == ["25", "50", "75", "90"] and
     [c["axis"]["at"] for c in j["cases"]] == [25, 50, 75, 90] and
     all(c["axis"]["name"] == "load %" for c in j["cases"])'
holds 'echo-open: the offered rate' \
    '(lambda rate, done: abs(done / j["seconds"] / rate - 1) < 0.2)(
        (lambda text: float(text.rstrip("kM")) * {"k": 1e3, "M": 1e6}.get(text[-1], 1))(
            j["cases"][0]["name"].split(": ")[1].split("/")[0]),
        j["cases"][0]["series"][0]["rounds"]["operations"][0])'
[ -z "$traced" ] || holds 'echo-open: system calls at the rate that a traced server can keep to' \
    'all(0.02 < s["medians"]["syscalls_per_op"] < 20 for s in series("echo-open", "epoll"))'
holds 'echo-open: how much was sent late' \
    'all(0 <= s["medians"]["late_share"] <= 1 and s["median"] == s["medians"]["p99_ns"]
         for s in series("echo-open", "epoll"))'

# Messages larger than what a socket or pipe holds.
run bench pipe proxy --connections 2 --size 1048576 --rounds 1 --seconds 0.05 \
    --reactor epoll --json
check "large messages: status $status" [ "$status" -eq 0 ]
holds 'large messages' \
    "all(works(scenario, 'epoll', 'raw-epoll', 'raw-poll', 'threads'$uring) for scenario in ['pipe', 'proxy'])"

# What cannot be is said, and the status tells.
run bench udp --size 70000 --rounds 1 --seconds 0.05 --reactor epoll
check "datagrams that are too large: status $status" [ "$status" -eq 1 ]
check 'the message' grep -q 'a datagram has at most 65,507 bytes: give a smaller --size' "$work/out"
TMPDIR=/nonexistent run bench files --rounds 1 --seconds 0.05 --reactor epoll
check "no folder for files: status $status" [ "$status" -eq 1 ]
check 'the message' grep -q 'no file can be made in /nonexistent: No such file or directory' "$work/out"

# Where io_uring is denied, all goes on without it.
denying="$(dirname "$0")/with_seccomp.py"
if command -v python3 >/dev/null && python3 "$denying" deny true; then
    timeout 60 python3 "$denying" deny "$coir" bench unix udp files --connections 4 --rounds 1 \
        --seconds 0.05 --json >"$work/out" 2>"$work/err"
    status=$?
    check "without io_uring: status $status" [ "$status" -eq 0 ]
    holds 'without io_uring' 'works("unix", "epoll", "raw-epoll") and works("udp", "epoll") and
        works("files", "epoll", "threads")'
else
    skip 'no seccomp filter can be installed here'
fi
if command -v python3 >/dev/null && python3 "$denying" noptrace true; then
    timeout 60 python3 "$denying" noptrace "$coir" bench pipe switch --rounds 1 --seconds 0.05 \
        --reactor epoll --json >"$work/out" 2>"$work/err"
    status=$?
    check "without ptrace: status $status" [ "$status" -eq 0 ]
    holds 'without ptrace system calls are not counted' 'works("pipe", "epoll") and
        not any(
        "syscalls_per_op" in s["medians"] for c in j["cases"] for s in c["series"])'
else
    skip 'no seccomp filter can be installed here'
fi
finish
