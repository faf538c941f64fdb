#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# What the coir command says to bad input, and what it promises about streams and exit statuses.
. "$(dirname "$0")/support.sh"

source=$(dirname "$0")/../..

# Commands and options.
refused 2 'a command is needed'
refused 2 "unknown command 'frob'; allowed: reactors, bench, pick, run, audit, sim, doctor, config, completion, man" frob
refused 2 "did you mean 'bench'?" bnech
refused 2 "did you mean 'bench'?" bnech --help
refused 2 "unknown command 'frob'" help frob
refused 2 "unknown option '--bogus'" --bogus
refused 2 "did you mean '--rounds'?" bench --rond 3
refused 2 "unexpected argument 'extra'" reactors extra
refused 2 '--rounds needs a value' bench --rounds
refused 2 'given more than once' bench --rounds 1 --rounds 2
refused 2 'no value after the =' bench --rounds= switch
refused 2 '--json takes no value' bench --json=maybe

refused 2 "unknown option '--thresh'" bench compare --thresh 5 a b
refused 2 'bench compare: takes OLD NEW, got 1 argument' bench compare a
refused 2 'bench compare: takes OLD NEW, got 3 arguments' bench compare a b c
refused 2 'bench show: takes FILE, got 0 arguments' bench show
refused 2 "bench list: unexpected argument 'x'" bench list x
refused 2 "completion takes bash, zsh, fish, got 'tcsh'" completion tcsh
refused 2 "did you mean 'fish'?" completion fihs
for option in --Json --JSON --jso -json; do
    refused 2 "unknown option '$option'" reactors $option
done
long=$(head -c 1000000 /dev/zero | tr '\0' a | head -c 100000)
refused 2 'unknown command' "$long"
refused 2 'unknown command' "$(printf 'two\nlines')"
refused 2 'unknown command' "$(printf '\377\376')"

# Scenarios.
refused 2 "did you mean 'switch'?" bench swich
refused 2 'allowed: switch, spawn, timers, echo' bench reactors
refused 2 'named twice' bench echo echo

# Numbers.
for value in -1 +0 1e9 5k '' 0 1001 18446744073709551615 18446744073709551616 NaN 0x10 ' 5' '5 ' 5.0; do
    refused 2 "a whole number from 1 to 1000, got '$value'" bench switch --rounds "$value"
done
for value in -1 +1 1e0 nan inf '' 5k 0 .5 5. 2h ' 1' 99999999 0x1; do
    refused 2 "got '$value'" bench switch --seconds "$value"
    refused 2 "got '$value'" pick --budget "$value"
done
refused 2 "got '0'" bench echo --connections 0
refused 2 "got '1x'" bench echo --connections 64,1x
refused 2 'without empty items' bench echo --connections 1,,2
refused 2 "names '64' twice" bench echo --connections 64,1,64
refused 2 "from 1 to 100000, got '100001'" bench echo --connections 100001
refused 2 "got '1048577'" bench echo --size 1048577
refused 2 "belongs to scenarios with connections" bench switch --connections 5
refused 2 "belongs to scenarios with connections" bench spawn timers --size 5

refused 2 "--peers belongs to the scenario 'echo'" bench switch --peers

# Loads and goals.
refused 2 "did you mean 'echo'?" pick --workload ecoh
refused 2 "--goal takes throughput, p99, cpu, memory, got 'speed'" pick --goal speed
refused 2 'say nothing to --workload timers' pick --workload timers --connections 5
refused 2 "got '0'" pick --connections 0
refused 2 "got '1048577'" pick --size 1048577
for value in -1 0 '' 5%% 1e1 1001 nan x; do
    refused 2 "got '$value'" bench compare --threshold "$value" a b
done

# Servers that are running.
refused 2 '--connect HOST:PORT is needed' bench http
refused 2 '--connect needs a value' bench resp --connect
for value in '' : 80 host 127.0.0.1 ::1:80 '[::1]' :80 "$(printf %254s x | tr ' ' x):80"; do
    refused 2 "takes HOST:PORT such as 127.0.0.1:8080 or [::1]:80, got" bench http --connect "$value"
done
for port in 0 65536 -1 +80 ' 80' 80x '' 0x50; do
    refused 2 "the port takes a whole number from 1 to 65535, got '$port'" \
        bench resp --connect "127.0.0.1:$port"
done
refused 1 'cannot be reached: Connection refused' bench http --connect 127.0.0.1:1
refused 1 "'.:80' cannot be reached: " bench http --connect .:80
refused 2 '--path takes a path' bench http --connect 127.0.0.1:1 --path index.html
refused 2 '--path takes a path' bench http --connect 127.0.0.1:1 --path '/a b'
refused 2 '--command takes a command' bench resp --connect 127.0.0.1:1 --command ' '
refused 2 "got '0'" bench http --connect 127.0.0.1:1 --pipeline 0
refused 2 'as often as --connect' bench http --connect 127.0.0.1:1 --pid 1 --pid 2

# Reactors.
refused 2 "did you mean 'epoll'?" bench --reactor epol
refused 2 'without empty items' bench --reactor ''
refused 2 'without empty items' pick --reactor epoll,
refused 2 "names 'epoll' twice" bench --reactor epoll,epoll
refused 2 "names 'epoll' twice" pick --reactor epoll,poll,epoll
refused 2 'allowed: all, or a list of epoll, io_uring, poll' bench --reactor epoll,all
for command in bench pick; do
    refused 2 "'sim' is for tests" $command --reactor sim
    refused 2 "'sim' is for tests" $command --reactor epoll,sim
    refused 2 "unknown reactor 'EPOLL'" $command --reactor EPOLL
done
refused 2 "unknown reactor 'nope'" pick --reactor nope
refused 2 '--quick is --budget 5s' pick --quick --budget 3s
refused 2 "did you mean 'system'?" pick --write sytem

# coir run.
refused 2 'run needs --reactor' run -- true
refused 2 'run needs a program' run --reactor epoll
refused 2 'run needs a program' run --reactor epoll --
refused 2 "got ''" run --reactor '' -- true
refused 2 "unknown reactor 'nope'" run --reactor nope -- true
refused 2 "did you mean '--reactor'?" run --reactr epoll -- true
for reactor in poll epoll; do
    refused 2 "$reactor takes no parameters" run --reactor $reactor:depth=3 -- true
done
refused 2 'allowed is sim or sim:seed=NUMBER' run --reactor sim:seed=x -- true
refused 2 "unexpected argument 'epoll' before --" run epoll -- true
refused 127 "'/nonexistent' cannot be run" run --reactor epoll -- /nonexistent
refused 126 'cannot be run: Permission denied' run --reactor epoll -- /

for code in 0 1 3 42 255; do
    run run --reactor poll -- sh -c "exit $code"
    check "coir run: status $status instead of $code" [ "$status" -eq "$code" ]
done
run run --reactor poll -- sh -c 'kill -TERM $$'
check "coir run: status $status after SIGTERM" [ "$status" -eq 143 ]
run run --reactor sim,poll -- sh -c 'echo "$COIR_REACTOR" "$@"' sh --rounds= --help
check 'coir run: the variable or the arguments' \
    [ "$(cat "$work/out")" = 'sim,poll --rounds= --help' ]
run run --reactor poll sh -c 'exit 7'
check 'coir run without --' [ "$status" -eq 7 ]
echo input | "$coir" run --reactor poll -- cat >"$work/out" 2>"$work/err"
check 'coir run: standard input' [ "$(cat "$work/out")" = input ]

# An unusable reactor, denied and deadly: a result, not a crash, and a fallback.
if command -v python3 >/dev/null &&
    python3 "$(dirname "$0")/with_seccomp.py" deny true; then
    for filter in deny kill; do
        coir_filtered() {
            python3 "$(dirname "$0")/with_seccomp.py" "$filter" "$coir" "$@" \
                >"$work/out" 2>"$work/err"
            status=$?
        }
        coir_filtered run --reactor io_uring -- true
        check "$filter: run: status $status" [ "$status" -eq 3 ]
        check "$filter: run: the reason" grep -q '^coir: .*seccomp' "$work/err"
        coir_filtered reactors --json
        check "$filter: reactors: status $status" [ "$status" -eq 0 ]
        check "$filter: reactors: the verdicts" json \
            'j["auto"]["reactor"] == "epoll" and any(r["name"] == "io_uring" and
             not r["usable"] and "seccomp" in r["reason"] and r["advice"] for r in j["reactors"]) and
             any(r["name"] == "poll" and r["usable"] for r in j["reactors"])' "$work/out"
        coir_filtered bench switch --reactor io_uring --rounds 1 --seconds 0.01
        check "$filter: bench: status $status" [ "$status" -eq 3 ]
        check "$filter: bench: stdout" [ ! -s "$work/out" ]
        coir_filtered bench echo --rounds 1 --seconds 0.02 --json
        check "$filter: bench echo: status $status" [ "$status" -eq 0 ]
        check "$filter: bench echo without io_uring" json \
            'any("runs on epoll." in note for note in j["notes"]) and
             {s["name"] for s in j["cases"][0]["series"] if s["kind"] == "reactor"} ==
                {"epoll", "poll"} and
             any("raw-io_uring" == s["name"] and s["error"] for s in j["cases"][0]["series"]) and
             j["left_out"][0]["name"] == "io_uring"' "$work/out"
    done
else
    skip 'no seccomp filter can be installed here'
fi

# Help and version. Both other places where the options stand know them all.
"$coir" man | tr -d '\\' >"$work/man"
documented() {
    run "$@" --help
    for option in $(sed -n 's/^  \(-[a-z],\)\{0,1\}\(--[a-z-]*\).*/\2/p' "$work/out"); do
        check "coir.1 has no $option" grep -qF -- "$option" "$work/man"
        check "cli.md has no $option" grep -qF -- "$option" "$source/docs/cli.md"
    done
}
for command in '' reactors bench 'bench list' 'bench http' 'bench resp' 'bench show' 'bench compare' 'bench report' pick run \
    audit doctor config completion man; do
    run $command --help
    check "coir $command --help: status $status" [ "$status" -eq 0 ]
    check "coir $command --help: no examples" grep -q '^Examples\{0,1\}:' "$work/out"
    check "coir $command --help: stderr" [ ! -s "$work/err" ]
    cp "$work/out" "$work/help"
    run help $command
    check "coir help $command" cmp -s "$work/help" "$work/out"
    documented $command
done
run --version
check "coir --version: $(cat "$work/out")" grep -Eqx 'coir [0-9]+\.[0-9]+\.[0-9]+' "$work/out"

# Standard output that cannot be written to.
if [ -c /dev/full ]; then
    for command in '--version' '--help' 'reactors' 'reactors --json'; do
        : >"$work/out"
        "$coir" $command >/dev/full 2>"$work/err"
        status=$?
        check "coir $command >/dev/full: status $status" [ "$status" -eq 1 ]
        check 'the message' grep -q 'standard output cannot be written to: No space left' "$work/err"
    done
fi
"$coir" reactors >&- 2>"$work/err"
status=$?
check "closed stdout: status $status" [ "$status" -eq 1 ]
check 'the message' grep -q 'standard output cannot be written to' "$work/err"
# Nothing that is opened later may take the place of a closed stream.
"$coir" reactors --json <&- 2>&- >"$work/out"
check 'closed stdin and stderr' json 'j["schema"] == "coir.reactors/1"' "$work/out"
"$coir" run --reactor poll -- sh -c 'exit 9' <&- >&- 2>&-
status=$?
check "coir run with everything closed: status $status" [ "$status" -eq 9 ]

# A pager that has seen enough: no lie about success, and nothing on the terminal.
{ "$coir" man 2>"$work/err"; echo $? >"$work/status"; } | head -c 10 >/dev/null
check 'a closed pipe' sh -c "[ \"$(cat "$work/status")\" -ne 0 ] || [ ! -s '$work/err' ]"

# Any locale; no name of its own; nothing in the environment.
for locale in C tr_TR.UTF-8 C.UTF-8 nonsense; do
    LC_ALL=$locale run reactors
    check "LC_ALL=$locale: status $status" [ "$status" -eq 0 ]
done
if command -v python3 >/dev/null; then
    python3 - "$coir" >"$work/out" 2>"$work/err" <<'EOF'
import ctypes, os, sys
pid = os.fork()
if pid == 0:
    none = (ctypes.c_char_p * 1)(None)
    ctypes.CDLL(None).execve(sys.argv[1].encode(), none, none)
    os._exit(99)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
    status=$?
    check "without arguments and environment: status $status" [ "$status" -eq 2 ]
    check 'the message' grep -q 'a command is needed' "$work/err"
else
    skip 'python3 is needed to run a program without a name'
fi

# What `auto` is, and why.
run reactors --json
check "coir reactors --json: $status" json \
    'j["schema"] == "coir.reactors/1" and len(j["reactors"]) >= 4 and j["auto"]["reactor"]' "$work/out"
COIR_REACTOR=poll run reactors --json
check 'COIR_REACTOR is followed' json \
    'j["auto"]["reactor"] == "poll" and "COIR_REACTOR" in j["auto"]["why"]' "$work/out"
COIR_REACTOR=junk run reactors
check "COIR_REACTOR=junk: status $status" [ "$status" -eq 3 ]
check 'COIR_REACTOR=junk is explained' grep -q "unknown reactor 'junk'" "$work/out"
NO_COLOR=1 run reactors
check 'no escape sequences in files' sh -c "! grep -q '$(printf '\033')' '$work/out'"

finish
