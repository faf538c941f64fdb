#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# coir reactors test: built-in reactors, those of a library, and what is refused.
. "$(dirname "$0")/support.sh"
library=$2
plain=$3

run reactors test poll --operation recv
check "a built-in one: status $status" [ "$status" -eq 0 ]
check 'the table has the row' grep -q '^recv  *ok' "$work/out"
check 'the summary' grep -q '^poll: 18 of 18 cells are as expected' "$work/out"

# A library has two, one of them wrong.
run reactors test "$library" --operation poll
check "a library with a wrong reactor: status $status" [ "$status" -eq 1 ]
check 'the right one is right' grep -q '^own-select: 17 of 17 cells are as expected' "$work/out"
check 'the wrong one is not' grep -q '^own-wrong: [0-9] of 17 cells are as expected' "$work/out"
check 'it says what' grep -q "^wrong: poll, later: expected 'in', got 'in+error'" "$work/out"

run reactors test epoll --operation sleep --json
check "json: status $status" [ "$status" -eq 0 ]
if command -v python3 >/dev/null; then
    check 'json' json 'j["schema"] == "coir.conformance/1" and j["failed"] == 0 and len(j["cells"]) == 19' "$work/out"
fi

refused 2 "there is no reactor 'nothing'" reactors test nothing
refused 2 'there is no operation' reactors test epoll --operation nothing
refused 1 'nowhere.so' reactors test "$work/nowhere.so"
refused 1 'registers no reactor' reactors test "$plain"
refused 2 'REACTOR' reactors test
finish
