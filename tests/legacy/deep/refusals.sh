#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# What libcoir-deep cannot do: one line that says why, status 3, and the program is not started.
#   refusals.sh LIBCOIR_DEEP LIBCOIR_LEGACY
deep=$1
legacy=$2
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset COIR_DEEP COIR_LEGACY COIR_REACTOR LD_PRELOAD
list=io,sleep,dns,proc,locks

# expect STATUS WORDS VARIABLE=VALUE...: of `echo started`
expect() {
    status=$1
    words=$2
    shift 2
    timeout 20 env "$@" /bin/echo started >"$work/out" 2>"$work/err"
    got=$?
    if [ "$got" -ne "$status" ]; then
        echo "failed: $*: status $got instead of $status"
    elif [ "$status" -eq 3 ] && { [ -s "$work/out" ] || [ "$(wc -l <"$work/err")" -ne 1 ]; }; then
        echo "failed: $*: more or less than a line, or the program was started"
    elif ! cat "$work/out" "$work/err" | grep -qF -- "$words"; then
        echo "failed: $*: it does not say: $words"
    else
        return
    fi
    cat "$work/out" "$work/err"
    failed=1
}

expect 0 'threads can be tasks here (glibc ' COIR_DEEP=check COIR_LEGACY=$list LD_PRELOAD="$deep:$legacy"
if [ $failed -ne 0 ] && grep -q 'is not among those that it has been tested with' "$work/err"; then
    exit 77
fi
expect 0 started COIR_LEGACY=$list LD_PRELOAD="$deep:$legacy"
expect 0 started COIR_DEEP=off LD_PRELOAD="$deep:$legacy"
expect 0 started COIR_DEEP=off LD_PRELOAD="$deep"
expect 3 "COIR_DEEP='yes'; allowed are on, off and check" COIR_DEEP=yes COIR_LEGACY=$list LD_PRELOAD="$deep:$legacy"
expect 3 'COIR_LEGACY has the word keys, or is not set' LD_PRELOAD="$deep:$legacy"
expect 3 'COIR_LEGACY has the word keys, or is not set' COIR_LEGACY=$list,keys LD_PRELOAD="$deep:$legacy"
expect 3 'LD_PRELOAD must name libcoir-deep.so and then libcoir-legacy.so' COIR_LEGACY=$list LD_PRELOAD="$deep"
expect 3 'LD_PRELOAD must name libcoir-deep.so and then libcoir-legacy.so' COIR_LEGACY=$list LD_PRELOAD="$legacy:$deep"
expect 3 'COIR_LEGACY must have io, sleep and locks' COIR_LEGACY=dns LD_PRELOAD="$deep:$legacy"
expect 3 'nonsense' COIR_REACTOR=nonsense COIR_LEGACY=$list LD_PRELOAD="$deep:$legacy"
[ $failed -eq 0 ] && echo 'ok: all are as they should be'
exit $failed
