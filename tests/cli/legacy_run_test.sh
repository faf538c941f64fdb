#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# coir run --legacy: a program's blocking calls suspend its tasks; its status and signals stay its
# own; and what cannot work is refused with a reason.
#   legacy_run_test.sh COIR LIBRARY PROGRAM PROGRAM_WITH_LIBCOIR_A FIXTURE_LIBRARY [STATIC_PROGRAM]
. "$(dirname "$0")/support.sh"
library=$2
program=$3
contains=$4
fixture=$5
static=${6:-}
unset COIR_LEGACY LD_PRELOAD

# prints WORDS ARGUMENT...: the command succeeds and prints exactly that.
prints() {
    wanted=$1
    shift
    run "$@"
    check "coir $*: status $status" [ "$status" -eq 0 ]
    check "coir $*: $(cat "$work/out") instead of $wanted" [ "$(cat "$work/out")" = "$wanted" ]
    check "coir $*: stderr" [ ! -s "$work/err" ]
}

# Without it the sleeps follow each other, with it they are at once.
prints 'one-by-one epoll' run --reactor epoll -- "$program"
for reactor in epoll io_uring poll; do
    if ! "$coir" run --reactor $reactor -- true 2>/dev/null; then
        skip "$reactor cannot be used here"
        continue
    fi
    prints "at-once $reactor" run --legacy --reactor $reactor -- "$program"
done
prints 'at-once poll' run --legacy=sleep,locks --reactor poll -- "$program" overlap
prints 'one-by-one poll' run --legacy=io,locks --reactor poll -- "$program"
# Locks that block are said, once, by a program with a loop.
run run --legacy=io --reactor poll -- "$program"
check "without locks: $(cat "$work/out")" [ "$(cat "$work/out")" = 'one-by-one poll' ]
check "without locks: $(cat "$work/err")" [ "$(grep -c "COIR_LEGACY='io' leaves out locks" "$work/err")" -eq 1 ]
# What is not understood is said, and switches nothing off; spaces do no harm.
for list in IO none bogus,; do
    COIR_LEGACY=$list run run --legacy --reactor poll -- "$program"
    check "COIR_LEGACY=$list: $(cat "$work/out")" [ "$(cat "$work/out")" = 'at-once poll' ]
    check "COIR_LEGACY=$list: $(cat "$work/err")" grep -q 'is unknown and ignored; allowed is a list of io,' "$work/err"
done
COIR_LEGACY=' io , sleep,locks ' prints 'at-once poll' run --legacy --reactor poll -- "$program"
prints 'at-once poll' run --reactor poll --legacy "$program"
# Without a list, that of the environment is kept; with one, it is replaced.
COIR_LEGACY=proc,locks prints 'one-by-one poll' run --legacy --reactor poll -- "$program"
COIR_LEGACY=proc,locks prints 'at-once poll' run --legacy=all --reactor poll -- "$program"
run run --legacy -- "$program"
check 'without --reactor' grep -q '^at-once ' "$work/out"
# By its name, from PATH.
PATH="$(dirname "$program"):$PATH" prints 'at-once poll' run --legacy --reactor poll -- "$(basename "$program")"

# The environment.
run run --legacy --force -- sh -c 'echo "$LD_PRELOAD|${COIR_LEGACY-unset}"'
real=$(readlink -f "$library")
check "LD_PRELOAD: $(cat "$work/out")" [ "$(cat "$work/out")" = "$real|unset" ]
COIR_LEGACY=io run run --legacy --force -- sh -c 'echo "$COIR_LEGACY"'
check "kept: $(cat "$work/out")" [ "$(cat "$work/out")" = io ]
run run --legacy=io,sleep --force -- "$coir" run --legacy=dns --force -- sh -c 'echo "$LD_PRELOAD|$COIR_LEGACY"'
check "nested: $(cat "$work/out")" [ "$(cat "$work/out")" = "$real|dns" ]

# Status, signals, streams.
for code in 0 1 42 255; do
    run run --legacy -- "$program" status $code
    check "status $status instead of $code" [ "$status" -eq "$code" ]
done
run run --legacy -- "$program" signal
check "status $status after SIGTERM" [ "$status" -eq 143 ]
check 'standard input' [ "$(echo input | "$coir" run --legacy --force -- cat)" = input ]

# Refused.
refused 2 "unknown category 'oi'; allowed is a list of" run --legacy=oi -- "$program"
refused 2 "did you mean 'sleep'?" run --legacy=slep -- "$program"
refused 2 'no value after the =' run --legacy= -- "$program"
refused 2 'without empty items' run --legacy=io,,sleep -- "$program"
refused 2 'given more than once' run --legacy --legacy=io -- "$program"
refused 2 '--force belongs to --legacy' run --force --reactor poll -- "$program"
refused 2 'run needs a program' run --legacy --
refused 2 'does not use libcoir' run --legacy -- sh -c true
refused 2 "unknown reactor 'nope'" run --legacy --reactor nope -- "$program"
refused 126 'link libcoir.so, or libcoir-legacy.a' run --legacy -- "$contains"
refused 126 'is a shared library' run --legacy -- "$fixture"
refused 126 'cannot be run: Permission denied' run --legacy -- /
refused 127 'cannot be run: No such file' run --legacy -- /nonexistent
refused 127 'cannot be run: No such file' run --legacy -- no-such-program
printf 'exit 0\n' >"$work/text"
refused 126 'cannot be run: Permission denied' run --legacy -- "$work/text"
chmod 755 "$work/text"
refused 126 'is not an ELF file' run --legacy -- "$work/text"
printf '#!/bin/sh\nexit 7\n' >"$work/script"
chmod 755 "$work/script"
refused 2 'script (run by /bin/sh)' run --legacy -- "$work/script"
run run --legacy --force -- "$work/script"
check "a script: status $status" [ "$status" -eq 7 ]
cp "$program" "$work/privileged"
chmod 4755 "$work/privileged"
refused 126 'set-user-ID' run --legacy -- "$work/privileged"
refused 126 'set-user-ID' run --legacy --force -- "$work/privileged"
if [ -n "$static" ]; then
    refused 126 'linked statically' run --legacy --force -- "$static"
else
    skip 'no static program can be linked here'
fi

# Moved as a whole, the command finds the library beside it: nothing is hard-coded.
mkdir -p "$work/prefix/bin" "$work/prefix/lib"
cp "$coir" "$work/prefix/bin/coir"
cp "$real" "$work/prefix/lib/$(basename "$library")"
for folder in "$(dirname "$library")" "$(dirname "$library")/../.."; do
    for file in "$folder"/libcoir.so.*; do
        [ -f "$file" ] && cp -P "$file" "$work/prefix/lib/"
    done
done
soname=$(basename "$(readlink -f "$library")")
short=${soname%.*}
[ -e "$work/prefix/lib/$short" ] || ln -s "$(basename "$library")" "$work/prefix/lib/$short"
LD_LIBRARY_PATH="$work/prefix/lib" timeout 60 "$work/prefix/bin/coir" run --legacy --force -- \
    sh -c 'echo "$LD_PRELOAD"' >"$work/out" 2>"$work/err"
status=$?
check "moved: status $status" [ "$status" -eq 0 ]
rm "$work/prefix/lib/$short" "$work/prefix/lib/$(basename "$library")"
LD_LIBRARY_PATH="$work/prefix/lib" timeout 60 "$work/prefix/bin/coir" run --legacy --force -- true \
    >"$work/out" 2>"$work/err"
status=$?
check "without the library: status $status" [ "$status" -eq 1 ]
check 'without the library: the message' grep -q '^coir: libcoir-legacy.so.* is not found beside' "$work/err"
finish
