#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Compares what a Python program prints with what its C++ half prints.
#   run_python.sh PROGRAM EXPECTED
# Ends with 77, which means skipped, where there is no Python with asyncio.TaskGroup (3.11).
set -eu
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "skipped: no python3 of version 3.11 or later"
    exit 77
fi
exec "$(dirname "$0")/../run_example.sh" python3 "$2" "$1"
