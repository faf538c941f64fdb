#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# A real port: makes of tinyproxy 1.11, which has a thread for each connection, one that has a task.
#
#   apt-get source tinyproxy && examples/legacy/port_tinyproxy.sh tinyproxy-1.11.1
#   cd tinyproxy-1.11.1 && ./configure && make -C src CFLAGS="$(pkg-config --cflags coir-legacy)" \
#       LDFLAGS="$(pkg-config --libs coir-legacy)"
#
# Two files change; everything that reads, writes, connects, resolves, locks and logs stays as it is.
set -eu
cd "${1:?usage: port_tinyproxy.sh FOLDER OF THE SOURCES}"
[ -f src/child.c ] && [ -f src/main.c ] || { echo "no src/child.c here: $PWD" >&2; exit 2; }
[ ! -e src/child.c.orig ] || { echo "ported already: $PWD/src/child.c.orig is there" >&2; exit 2; }
cp -p src/child.c src/child.c.orig
cp -p src/main.c src/main.c.orig

# The thread of a connection becomes a task, which is joined, and cancelled at the end.
sed -i -e 's|#include <pthread.h>|#include <coir/coir.h>|' \
    -e 's|pthread_t thread;|coir_task *task;|' \
    -e 's|^static void\* child_thread|static void child_thread|' \
    -e '/^static void child_thread/,/^}/{/return NULL;/d}' \
    -e 's|pthread_join(c->thread, 0)|coir_join(c->task, -1)|' \
    -e 's|pthread_kill(c->thread, SIGCHLD)|coir_cancel(c->task)|' \
    -e '/pthread_attr_t \*attrp/d' \
    -e '/attrp = 0;/,/^$/d' \
    -e 's|pthread_create(&child->thread, attrp, child_thread, child) != 0|!(child->task = coir_spawn(child_thread, child, NULL))|' \
    src/child.c
# What ran in main() until the end runs in the loop's main task.
sed -i -e '0,/^#include "main.h"/s||&\n#include <coir/coir.h>|' \
    -e 's|^        child_main_loop ();|        coir_run (serve, NULL, NULL);|' \
    -e '/^        log_message (LOG_NOTICE, "Shutting down.");/d' \
    -e '/^        child_kill_children (SIGTERM);/d' \
    -e '/^int$/{N;s|^int\nmain (|static void serve (void *unused)\n{\n        (void) unused;\n        child_main_loop ();\n        log_message (LOG_NOTICE, "Shutting down.");\n        child_kill_children (SIGTERM);\n}\n\n&|}' \
    src/main.c
for file in child.c main.c; do
    diff -u "src/$file.orig" "src/$file" | awk -v file="$file" '
        /^\+[^+]|^\+$/ { added++ } /^-[^-]|^-$/ { removed++ }
        END { printf "src/%s: %d lines added, %d removed\n", file, added, removed }'
done
