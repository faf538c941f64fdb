// SPDX-License-Identifier: BSL-1.0
// The one table of the libc functions that libcoir-legacy replaces.
//
// From it come the exported functions, the pointers to the real ones, the version script and the
// test that compares all of this with the built library. To cover another function: a line here, and
// a function of the same name and parameters in namespace in_task (calls/in_task.hpp declares it).
//
//   X(symbol, category, system call, result, parameters, arguments)
//
// category: a word of COIR_LEGACY. `life` is always on: it keeps the runtime's view of descriptors
// true, and applies outside tasks too. system call: what stands in for the real function when it
// cannot be looked up (yet), with the very same parameters; -1: nothing does.
//
// This file is also read by the preprocessor alone (libcoir-legacy.map.in): it includes nothing but
// the parts of the table.
#pragma once

#include "symbols_files.hpp"
#include "symbols_io.hpp"
#include "symbols_locks.hpp"
#include "symbols_names.hpp"
#include "symbols_processes.hpp"
#include "symbols_threads.hpp"

#define COIR_LEGACY_SYMBOLS(X)     \
    COIR_LEGACY_STREAM_SYMBOLS(X)  \
    COIR_LEGACY_POLL_SYMBOLS(X)    \
    COIR_LEGACY_LIFE_SYMBOLS(X)    \
    COIR_LEGACY_HELPER_SYMBOLS(X)  \
    COIR_LEGACY_TIME_SYMBOLS(X)    \
    COIR_LEGACY_NAME_SYMBOLS(X)    \
    COIR_LEGACY_LOCK_SYMBOLS(X)    \
    COIR_LEGACY_THREAD_SYMBOLS(X)  \
    COIR_LEGACY_PROCESS_SYMBOLS(X) \
    COIR_LEGACY_FILE_SYMBOLS(X)

// Functions with an open list of parameters, which no macro can pass on: variadic.cpp defines them
// by those of the table.
#define COIR_LEGACY_VARIADIC_SYMBOLS(X) X(syslog) X(__syslog_chk)

// Functions that install signal handlers, for every caller: handlers.cpp.
#define COIR_LEGACY_HANDLER_SYMBOLS(X) \
    X(sigaction) X(signal) X(bsd_signal) X(sysv_signal) X(__sysv_signal)
