#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# What happens where the kernel, its administrator or a sandbox denies io_uring: programs run on and
# say so once, a wish is not silently replaced, and `coir reactors` gives the reason and the remedy.
#   faults_test.sh COIR PROGRAM
. "$(dirname "$0")/support.sh"
program=$2
here=$(dirname "$0")
export COIR_CONFIG="$work/record"
: >"$COIR_CONFIG"

# under WRAPPER... -- COMMAND...: runs the command so wrapped; leaves $status, $work/out, $work/err.
# $reactor is its COIR_REACTOR.
reactor=
under() { env COIR_REACTOR="$reactor" timeout 60 "$@" >"$work/out" 2>"$work/err"; status=$?; }

# ran_on REACTOR LINES WORDS: the program did its work there, and said so many lines with the words.
ran_on() {
    if [ "$status" -ne 0 ]; then
        fail "status $status"
    elif [ "$(cat "$work/out")" != "$1
$1" ]; then
        fail "not on $1"
    elif [ "$(wc -l <"$work/err")" -ne "$2" ] || ! grep -qF -- "$3" "$work/err"; then
        [ "$2" -eq 0 ] && [ ! -s "$work/err" ] && pass && return
        fail "not $2 lines that say: $3"
    else
        pass
    fi
}
# refused_with WORDS: one line with these words, and nothing done.
refused_with() {
    if [ "$status" -eq 1 ] && [ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" -eq 1 ] &&
        grep -qF -- "$1" "$work/err"; then
        pass
    else
        fail "status $status, or not one line that says: $1"
    fi
}
# explained FILE REASON ADVICE: `coir reactors --json` calls io_uring unusable, with reason and advice.
explained() {
    check "the reason and the advice: $*" json "j['auto']['reactor'] == 'epoll' and
        [r for r in j['reactors'] if r['name'] == 'io_uring' and not r['usable'] and
         '''$2''' in r['reason'] and '''$3''' in r['advice']]" "$1"
}

if ! command -v python3 >/dev/null || ! python3 "$here/with_seccomp.py" deny true; then
    skip 'no seccomp filter can be installed here'
    finish
fi

for filter in deny nosys nomem kill; do
    echo "# io_uring_setup: $filter"
    wrap="python3 $here/with_seccomp.py $filter"
    case $filter in
    deny) reason='denied, most likely by a seccomp filter' advice='seccomp profile' ;;
    nosys) reason='this kernel has no io_uring' advice='CONFIG_IO_URING is needed' ;;
    nomem) reason='not enough memory that may be locked' advice='ulimit -l' ;;
    kill) reason='a seccomp filter kills' advice='instead of killing' ;;
    esac

    # With nothing set there is nothing to say: epoll comes first anyway.
    under $wrap "$program"
    ran_on epoll 0 ''
    reactor=epoll under $wrap "$program"
    ran_on epoll 0 ''
    under $wrap "$coir" reactors --json
    check "$filter: reactors: status $status" [ "$status" -eq 0 ]
    explained "$work/out" "$reason" "$advice"
    under $wrap "$coir" reactors
    check "$filter: reactors: the advice" grep -q 'what to do:' "$work/out"
    check "$filter: reactors: nothing on stderr" [ ! -s "$work/err" ]
    [ $filter = kill ] && continue

    reactor=io_uring,epoll under $wrap "$program"
    ran_on epoll 1 "coir: reactor epoll: asked for by COIR_REACTOR (passed over: io_uring: io_uring_setup: $reason"
    reactor=io_uring under $wrap "$program"
    refused_with "coir: no usable reactor in 'io_uring', asked for by COIR_REACTOR: io_uring: io_uring_setup: $reason"
    echo 'reactor = io_uring' >"$COIR_CONFIG"
    under $wrap "$program"
    ran_on epoll 1 "cannot be followed: no usable reactor in 'io_uring'"
    : >"$COIR_CONFIG"
done

# Typing errors.
reactor=epol under "$program"
refused_with "coir: unknown reactor 'epol'; allowed: auto, epoll, io_uring, poll, sim"
reactor=epoll,, under "$program"
refused_with 'coir: an empty name in the reactor list'
reactor=epoll under env COIR_DEBUG=locks,1,junk COIR_POOL=0 COIR_STACK=64K COIR_LOG=loud "$program"
ran_on epoll 4 "coir: COIR_POOL='0': ignored; allowed is a number of threads from 1 to 4096"
# The command says it once, and not once for each process that it makes.
under env COIR_POOL=0 "$coir" reactors
check 'reactors: the pool' [ "$(grep -c COIR_POOL= "$work/err")" -eq 1 ]
under env COIR_POOL=0 "$coir" bench switch --rounds 1 --seconds 0.01 --reactor poll
check 'bench: the pool' [ "$(grep -c COIR_POOL= "$work/err")" -eq 1 ]
under env COIR_POOL=0 "$coir" run --reactor epoll -- "$program"
ran_on epoll 1 COIR_POOL=

# A limit on locked memory, which counts for the unprivileged, and not on every kernel.
unprivileged="setpriv --reuid=65534 --regid=65534 --clear-groups"
if [ "$(id -u)" -eq 0 ] && $unprivileged "$coir" --version >/dev/null 2>&1; then
    chmod 755 "$work"
    under $unprivileged sh -c 'ulimit -l 0; exec "$0" reactors --json' "$coir"
    check "ulimit -l 0: status $status" [ "$status" -eq 0 ]
    check 'ulimit -l 0: usable, or the limit is the reason' json "
        [r for r in j['reactors'] if r['name'] == 'io_uring' and
         (r['usable'] or 'ulimit -l' in r.get('advice', ''))]" "$work/out"
    reactor=io_uring,epoll under $unprivileged sh -c 'ulimit -l 0; exec "$0"' "$program"
    check "ulimit -l 0: the program: status $status" [ "$status" -eq 0 ]
    if grep -q '^epoll$' "$work/out"; then
        ran_on epoll 1 'not enough memory that may be locked'
    else
        ran_on io_uring 0 ''
    fi
else
    skip 'ulimit -l: must be root, with programs that everybody may run'
fi

# kernel.io_uring_disabled, without setting it for the whole machine.
for value in 1 2; do
    echo $value >"$work/disabled"
    under unshare --user --map-root-user --mount sh -c '
        mount --bind "$1" /proc/sys/kernel/io_uring_disabled || exit 77
        shift; exec "$@"' sh "$work/disabled" python3 "$here/with_seccomp.py" deny \
        "$coir" reactors --json
    if [ "$status" -ne 0 ]; then
        skip "io_uring_disabled=$value: no namespace for it"
        continue
    fi
    explained "$work/out" "kernel.io_uring_disabled is $value" 'sysctl -w kernel.io_uring_disabled=0'
done
finish
