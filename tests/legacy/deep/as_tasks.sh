#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Becomes a program with its threads as tasks: what `coir run --legacy --threads-as-tasks` does, without it.
#   COIR_DEEP_PRELOAD=LIBCOIR_DEEP:LIBCOIR_LEGACY as_tasks.sh PROGRAM [ARGUMENT...]
# As `as_tasks.sh --check` it says whether that can be done here, and ends with 77 where it cannot.
: "${COIR_DEEP_PRELOAD:?is not set}"
if [ "$1" != --check ]; then
    COIR_LEGACY=io,sleep,dns,proc,locks LD_PRELOAD=$COIR_DEEP_PRELOAD exec "$@"
fi
says=$(COIR_DEEP=check "$0" true 2>&1)
status=$?
case $status:$says in 0:'coir: threads can be tasks here'*) exit 0 ;; esac
echo "the self-test ended with $status: $says"
# Anything else that is in its way is a failure.
case $says in
    *'is not among those that it has been tested with'* | *COIR_REACTOR*) exit 77 ;;
esac
exit 1
