#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# usage: reproducible.sh SOURCE_DIR LIBRARY
#
# Builds LIBRARY (libcoir.so...) twice, of two copies of the source in folders of different names, at different
# times: the files are the same, byte for byte.
set -eu

source=$1
library=$2
scratch=$(mktemp -d "${TMPDIR:-/tmp}/coir-reproducible.XXXXXX")
child=
stop() {
    trap - EXIT INT TERM
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    rm -rf "$scratch"
    exit "$1"
}
trap 'stop $?' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM

run() {
    "$@" >"$scratch/log" 2>&1 </dev/null &
    child=$!
    wait "$child" || {
        tail -n 40 "$scratch/log"
        echo "coir-tests: 0 passed, 1 failed, 0 skipped"
        exit 1
    }
    child=
}

for copy in first another; do
    mkdir "$scratch/$copy"
    (cd "$source" && tar -cf - --exclude='./build*' --exclude=./.git .) | tar -xf - -C "$scratch/$copy"
    run env CCACHE_DISABLE=1 meson setup -Dtests=disabled -Dcli=disabled -Dexamples=false -Dlegacy=false \
        -Dpeers=disabled -Doptimization=1 "$scratch/$copy/build" "$scratch/$copy"
    run env CCACHE_DISABLE=1 ninja -C "$scratch/$copy/build" "$library"
done
cd "$scratch"
if cmp "first/build/$library" "another/build/$library"; then
    echo "coir-tests: 1 passed, 0 failed, 0 skipped"
else
    echo "coir-tests: 0 passed, 1 failed, 0 skipped"
    exit 1
fi
