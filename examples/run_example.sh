#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Runs an example and compares what it prints, on both streams, with what is expected, where a *
# stands for anything.
#   run_example.sh PROGRAM EXPECTED [ARGUMENT...]
set -eu
program=$1
expected=$(cat "$2")
shift 2
got=$("$program" "$@" 2>&1) || { echo "$program ended with status $?: $got" >&2; exit 1; }
case $got in
$expected) printf '%s\n' "$got" ;;
*)
    printf '%s\n--- expected\n%s\n' "$got" "$expected" >&2
    exit 1
    ;;
esac
