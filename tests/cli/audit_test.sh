#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# coir audit on real files: what it prints, its exit statuses, its JSON.
#   audit_test.sh COIR FIXTURE_LIBRARY [STATIC_PROGRAM]
. "$(dirname "$0")/support.sh"
fixture=$2
static=${3:-}

says() {
    check "it does not say: $1" grep -qF -- "$1" "$work/out"
}

# Bad usage.
refused 2 'audit needs a file' audit </dev/null
refused 2 'there is no name on standard input' audit - </dev/null
refused 2 'give one -' audit - - </dev/null
refused 2 '--deps needs a file' audit --deps - </dev/null
refused 2 "'/nonexistent' cannot be opened: No such file" audit /nonexistent
refused 2 "'/' is a directory" audit /
refused 2 'is not an ELF file' audit "$0"
refused 2 'is not a regular file' audit /dev/zero
refused 2 "did you mean 'fopen'?" audit --allow fopn "$fixture"
refused 2 'without empty items' audit --allow '' "$fixture"
refused 2 '--allow needs a value' audit --allow
refused 2 "unknown option '--jsno'" audit --jsno "$fixture"
refused 2 'give one of them' audit --json --quiet "$fixture"

# The fixture has something of everything.
run audit "$fixture"
check "audit: status $status" [ "$status" -eq 1 ]
check 'audit: stderr' [ ! -s "$work/err" ]
says 'blocks the thread in 1 call'
says 'blocks     alias: __read'
says 'remedy     timers: alarm'
says 'remedy     stdio: '
says 'io: poll'
says 'thread-locals: 4'
case $(uname -m) in
x86_64 | aarch64) says 'syscall-instruction: 1, in audit_fixture_raw' ;;
esac
run audit --quiet "$fixture"
check 'audit --quiet' [ "$(cat "$work/out")" = "$fixture: blocks the thread in 1 call" ]

# Allowed, it is fine; strictly it is not.
allow='--allow alias,alarm --allow stdio,syscall-instruction'
run audit --quiet $allow "$fixture"
check "audit --allow: status $status" [ "$status" -eq 0 ]
check 'audit --allow' [ "$(cat "$work/out")" = "$fixture: works" ]
run audit --quiet --strict $allow "$fixture"
check "audit --strict: status $status" [ "$status" -eq 1 ]
run audit --quiet --strict $allow --allow streams,thread-locals,descriptors,replaces-libc "$fixture"
check "audit --strict --allow: status $status" [ "$status" -eq 0 ]

# JSON.
run audit --json "$fixture"
check "audit --json: status $status" [ "$status" -eq 1 ]
check 'audit --json' json \
    'j["schema"] == "coir.audit/1" and j["status"] == 1 and not j["strict"] and
     "io" in j["categories"] and not j["unreadable"] and len(j["files"]) == 1' "$work/out"
check 'audit --json: the file' json \
    '[f for f in j["files"] if f["verdict"] == "blocks the thread" and f["blocking_calls"] == 1 and
      f["summary"] == "blocks the thread in 1 call" and f["kind"].endswith("shared library") and
      {"symbol": "poll", "category": "io"} in f["covered"] and
      any(u["symbol"] == "__read" and u["level"] == "blocks" and u["remedy"] for u in f["uncovered"]) and
      any(r["risk"] == "thread-locals" and r["count"] == 4 for r in f["risks"])]' "$work/out"
run audit --json "$fixture" /nonexistent
check "audit --json with a missing file: status $status" [ "$status" -eq 2 ]
check 'audit --json with a missing file' json \
    'len(j["files"]) == 1 and j["unreadable"][0]["file"] == "/nonexistent" and j["status"] == 2' "$work/out"

# Several files; what cannot be read does not keep the others from being audited.
run audit "$fixture" /nonexistent "$coir"
check "several: status $status" [ "$status" -eq 2 ]
check 'several: the message' grep -qx "coir: '/nonexistent' cannot be opened: No such file or directory" "$work/err"
says '0 work'
run audit --quiet "$fixture" "$coir"
check 'several: a line each, and a sum' [ "$(wc -l <"$work/out")" -eq 3 ]

# Names on standard input.
printf '                 U poll@GLIBC_2.2.5\n                 U malloc@GLIBC_2.2.5\n0000000000001139 T __read\n' |
    "$coir" audit - >"$work/out" 2>"$work/err"
check "names: status $?" grep -q 'verdict    works$' "$work/out"
says '1 other names'
echo __read | "$coir" audit --quiet >"$work/out"
check "names without -: status $?" [ "$(cat "$work/out")" = 'standard input: blocks the thread in 1 call' ]
if command -v nm >/dev/null; then
    nm -D "$fixture" | "$coir" audit --json - >"$work/out"
    check 'nm -D | coir audit' json \
        'j["files"][0]["file"] == "-" and j["files"][0]["blocking_calls"] == 1' "$work/out"
fi

# Dependencies: those of the command itself, but for libc and libcoir.
run audit --deps --quiet "$coir"
check "--deps: status $status" [ "$status" -ne 2 ]
check '--deps: libstdc++' grep -q '/libstdc++\.so\.6: ' "$work/out"
check '--deps: not libc' sh -c "! grep -qE '/lib(c|m)\\.so|/libcoir' '$work/out'"
check '--deps: each once' [ "$(sort "$work/out" | uniq -d | wc -l)" -eq 0 ]

# Thousands of bytes of nonsense after a good beginning, and every length of a beginning.
head -c 64 "$fixture" >"$work/broken"
head -c 4000 /dev/urandom >>"$work/broken"
refused 2 'broken' audit "$work/broken"
for size in 1 4 16 63 64 100 500 1000 4096; do
    head -c $size "$fixture" >"$work/short"
    refused 2 'short' audit "$work/short"
done

if [ -n "$static" ]; then
    run audit --quiet "$static"
    check 'a static program' grep -q 'blocks the thread in every call' "$work/out"
else
    skip 'no static program can be linked here'
fi
cp "$fixture" "$work/privileged"
chmod 4755 "$work/privileged"
run audit "$work/privileged"
says 'remedy     setuid'
finish
