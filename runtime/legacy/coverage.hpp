// SPDX-License-Identifier: BSL-1.0
// What the table (symbols.hpp) does not say of what it covers, for whoever wants to know, such as
// `coir audit`; nothing else depends on it.
#pragma once

// Made on a thread while the task waits, because libc waits inside them where nothing can be
// replaced: whole categories, and single functions.
#define COIR_LEGACY_POOLED_CATEGORIES(X) X(dns)
#define COIR_LEGACY_POOLED_SYMBOLS(X) X(syslog) X(vsyslog) X(__syslog_chk) X(__vsyslog_chk)

// Words of COIR_LEGACY that are off by default.
#define COIR_LEGACY_OPTIONAL_CATEGORIES(X) X(stdio) X(files)

// X(function, other): not replaced, and no need to, because the other one is.
// popen() returns a file that suspends tasks, and so does closing it.
#define COIR_LEGACY_IMPLIED_SYMBOLS(X) X(pclose, popen)

// X(category, word): categories of the table that are no words of COIR_LEGACY themselves: parts of
// one, for functions that wake others and that make keys. `always` stands for what no word leaves out.
#define COIR_LEGACY_INNER_CATEGORIES(X) X(wakes, locks) X(makes_keys, keys) X(life, always)
#define COIR_LEGACY_NO_WORD "always"
