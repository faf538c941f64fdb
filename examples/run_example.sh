#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Runs an example and compares what it prints with what is expected.
#   run_example.sh PROGRAM EXPECTED
set -eu
got=$("$1" 2>&1) || { echo "$1 ended with status $?: $got" >&2; exit 1; }
if [ "$got" != "$(cat "$2")" ]; then
    printf '%s\n--- expected\n' "$got" >&2
    cat "$2" >&2
    exit 1
fi
printf '%s\n' "$got"
