// SPDX-License-Identifier: BSL-1.0
// Exported functions with an open list of parameters: each is another exported one.
#include "symbol_types.hpp"

namespace coir_legacy {

// Both are defined in exports.cpp.
extern "C" void coir_legacy_vsyslog(int priority, const char* format,
                                    va_list arguments) __asm__("vsyslog");
extern "C" void coir_legacy_vsyslog_chk(int priority, int check, const char* format,
                                        va_list arguments) __asm__("__vsyslog_chk");

extern "C" [[gnu::visibility("default")]] void coir_legacy_syslog(int priority, const char* format,
                                                                  ...) __asm__("syslog");
void coir_legacy_syslog(int priority, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    coir_legacy_vsyslog(priority, format, arguments);
    va_end(arguments);
}

extern "C" [[gnu::visibility("default")]] void coir_legacy_syslog_chk(
    int priority, int check, const char* format, ...) __asm__("__syslog_chk");
void coir_legacy_syslog_chk(int priority, int check, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    coir_legacy_vsyslog_chk(priority, check, format, arguments);
    va_end(arguments);
}

}  // namespace coir_legacy
