#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# A program natively and with its threads as tasks: it must print the same and end in the same way.
#   compare.sh PROGRAM [ARGUMENT...]        (as_tasks.sh says what must be in the environment)
as_tasks=$(dirname "$0")/as_tasks.sh
"$as_tasks" --check || exit
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
timeout 60 "$@" >"$work/natively" 2>"$work/natively.err"
wanted=$?
timeout 60 "$as_tasks" "$@" >"$work/as-tasks" 2>"$work/as-tasks.err"
got=$?
if [ "$wanted" -ne "$got" ]; then
    echo "failed: status $wanted natively, $got as tasks"
    tail -n 20 "$work/as-tasks" "$work/as-tasks.err"
    exit 1
fi
diff "$work/natively" "$work/as-tasks" && diff "$work/natively.err" "$work/as-tasks.err" || exit 1
if [ ! -s "$work/natively" ]; then
    echo "failed: nothing was printed"
    exit 1
fi
echo "ok: $(wc -l <"$work/natively") lines are the same, status $wanted"
