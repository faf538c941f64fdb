#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# coir run --legacy --threads-as-tasks: what it sets, what it refuses, and that a program with threads is
# the same under it.
#   deep_run_test.sh COIR LIBCOIR_DEEP LIBCOIR_LEGACY PROGRAM_WITH_THREADS PROGRAM_WITH_LIBCOIR FIXTURE_LIBRARY [STATIC_PROGRAM]
. "$(dirname "$0")/support.sh"
deep=$(readlink -f "$2")
legacy=$(readlink -f "$3")
program=$4
uses_libcoir=$5
fixture=$6
static=${7:-}
unset COIR_LEGACY COIR_DEEP COIR_REACTOR LD_PRELOAD

# Refused before anything of libcoir-deep runs.
refused 2 '--threads-as-tasks belongs to --legacy' run --threads-as-tasks -- true
refused 2 'got --legacy=io; allowed is all, with' run --legacy=io --threads-as-tasks -- true
refused 2 'got --legacy=all,keys; allowed is all, with' run --legacy=all,keys --threads-as-tasks -- true
refused 2 'uses libcoir and has tasks of its own' run --legacy --threads-as-tasks -- "$uses_libcoir"
refused 126 'is a shared library, and not a program' run --legacy --threads-as-tasks -- "$fixture"
refused 127 'cannot be run: No such file' run --legacy --threads-as-tasks -- /nowhere/at-all
[ -n "$static" ] && refused 126 'is linked statically' run --legacy --threads-as-tasks -- "$static"
cp /bin/true "$work/privileged" && chmod u+s "$work/privileged" &&
    refused 126 'has a set-user-ID' run --legacy --threads-as-tasks -- "$work/privileged"

COIR_DEEP=check run run --legacy --threads-as-tasks -- true
if [ "$status" -eq 3 ] && grep -q 'is not among those that it has been tested with' "$work/err"; then
    skip "$(cat "$work/err")"
    finish
fi
check "the self-test: $(cat "$work/err")" grep -q '^coir: threads can be tasks here (glibc ' "$work/out"
COIR_DEEP=perhaps refused 3 "COIR_DEEP='perhaps'; allowed are on, off and check" run --legacy --threads-as-tasks -- true

# The environment.
run run --legacy --threads-as-tasks -- sh -c 'echo "$LD_PRELOAD|$COIR_LEGACY"'
check "environment: $(cat "$work/out")" grep -qxF "$deep:$legacy|io,sleep,dns,locks,proc" "$work/out"
# The command itself uses libcoir: it is left alone.
run run --legacy --threads-as-tasks -- sh -c "'$coir' run --legacy=all,stdio --threads-as-tasks -- sh -c 'echo \"\$LD_PRELOAD|\$COIR_LEGACY\"'"
check "nested: $(cat "$work/out" "$work/err")" grep -qxF "$deep:$legacy|io,sleep,dns,locks,proc,stdio" "$work/out"
# Without a list the environment's is kept, and must have everything.
COIR_LEGACY=all,stdio run run --legacy --threads-as-tasks -- sh -c 'echo "$COIR_LEGACY"'
check "kept: $(cat "$work/out" "$work/err")" grep -qxF 'io,sleep,dns,locks,proc,stdio' "$work/out"
COIR_LEGACY=io,sleep,dns,locks,proc,stdio run run --legacy --threads-as-tasks -- sh -c 'echo "$COIR_LEGACY"'
check "kept, written out: $(cat "$work/out" "$work/err")" grep -qxF 'io,sleep,dns,locks,proc,stdio' "$work/out"
COIR_LEGACY=io refused 2 'got COIR_LEGACY=io; allowed is all, with' run --legacy --threads-as-tasks -- true

# Status, signals, streams.
for code in 0 1 42 255; do
    run run --legacy --threads-as-tasks -- sh -c "exit $code"
    check "status $status instead of $code" [ "$status" -eq "$code" ]
done
run run --legacy --threads-as-tasks -- sh -c 'kill -TERM $$'
check "status $status after SIGTERM" [ "$status" -eq 143 ]
check 'standard input' [ "$(echo input | "$coir" run --legacy --threads-as-tasks -- cat)" = input ]

"$program" >"$work/natively"
natively=$?
for reactor in epoll io_uring poll; do
    if ! "$coir" run --reactor $reactor -- true 2>/dev/null; then
        skip "$reactor cannot be used here"
        continue
    fi
    run run --legacy --threads-as-tasks --reactor $reactor -- "$program"
    check "$reactor: status $status instead of $natively" [ "$status" -eq "$natively" ]
    check "$reactor: another output" cmp -s "$work/natively" "$work/out"
done
finish
