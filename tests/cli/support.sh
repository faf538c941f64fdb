# SPDX-License-Identifier: BSL-1.0
# For the shell tests of the coir command. Usage in a test: . "$(dirname "$0")/support.sh"
#
# $coir is the command; everything is written below $work, which is removed at the end.

set -u
coir=$1
work=$(mktemp -d)
passed=0
failed=0
skipped=0
export XDG_CONFIG_HOME="$work/config"
unset COIR_REACTOR COIR_CONFIG COIR_DEBUG COIR_LOG 2>/dev/null

finish() {
    chmod -R u+w "$work" 2>/dev/null
    rm -rf "$work"
    echo "coir-tests: $passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
    exit
}
trap 'rm -rf "$work"' EXIT

pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "failed: $*"
    sed 's/^/    stdout: /' "$work/out"
    sed 's/^/    stderr: /' "$work/err"
}
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $*"
}

# run ARGUMENT...: leaves $status, $work/out and $work/err.
run() {
    timeout 60 "$coir" "$@" >"$work/out" 2>"$work/err"
    status=$?
}

# refused STATUS WORDS ARGUMENT...: that status, nothing on stdout, one line on stderr with WORDS.
refused() {
    wanted=$1
    words=$2
    shift 2
    run "$@"
    if [ "$status" -ne "$wanted" ]; then
        fail "coir $*: status $status instead of $wanted"
    elif [ -s "$work/out" ]; then
        fail "coir $*: something on stdout"
    elif [ "$(wc -l <"$work/err")" -ne 1 ] || ! grep -q '^coir: ' "$work/err"; then
        fail "coir $*: not one line that begins with 'coir: '"
    elif ! grep -qF -- "$words" "$work/err"; then
        fail "coir $*: the message does not say: $words"
    else
        pass
    fi
}

# check WHAT COMMAND...: the command succeeds.
check() {
    what=$1
    shift
    if "$@" >/dev/null 2>&1; then pass; else fail "$what"; fi
}

# json EXPRESSION FILE: with python3, the expression holds for the object `j`; without it, the file
# at least looks like one object that names its schema.
json() {
    if command -v python3 >/dev/null; then
        python3 -c 'import json, sys
j = json.load(open(sys.argv[2]))
sys.exit(0 if eval("(" + sys.argv[1] + ")") else 1)' "$1" "$2"
    else
        grep -q '^{"schema": "coir\..*}$' "$2"
    fi
}
