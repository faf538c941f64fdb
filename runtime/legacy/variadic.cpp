// SPDX-License-Identifier: BSL-1.0
// Exported functions with an open list of parameters: each is another exported one.
#include "own_exports.hpp"

#define COIR_LEGACY_VARIADIC(function, symbol)                                  \
    extern "C" [[gnu::visibility("default")]] function __asm__(COIR_LEGACY_LINK_NAME(symbol)); \
    function

COIR_LEGACY_VARIADIC(void coir_legacy_syslog(int priority, const char* format, ...), "syslog") {
    va_list arguments;
    va_start(arguments, format);
    coir_legacy_vsyslog(priority, format, arguments);
    va_end(arguments);
}

COIR_LEGACY_VARIADIC(void coir_legacy_syslog_chk(int priority, int check, const char* format, ...),
                     "__syslog_chk") {
    va_list arguments;
    va_start(arguments, format);
    coir_legacy_vsyslog_chk(priority, check, format, arguments);
    va_end(arguments);
}
