// SPDX-License-Identifier: BSL-1.0
// Which of the replaced functions (symbols.hpp) are made on a thread while the task waits, because
// libc waits inside them where nothing can be replaced: whole categories, and single functions. For
// whoever wants to know, such as `coir audit`; nothing depends on it here.
#pragma once

#define COIR_LEGACY_POOLED_CATEGORIES(X) X(dns)

#define COIR_LEGACY_POOLED_SYMBOLS(X) \
    X(system) X(syslog) X(vsyslog) X(__syslog_chk) X(__vsyslog_chk)
