// SPDX-License-Identifier: BSL-1.0
// Functions that this library exports, for calls within it: what they do depends on who calls.
#pragma once

#include "link_names.hpp"

#include <cstdarg>
#include <cstddef>

#include <sys/types.h>

extern "C" {

ssize_t coir_legacy_read(int fd, void* buffer, size_t size) __asm__(COIR_LEGACY_LINK_NAME("read"));
ssize_t coir_legacy_write(int fd, const void* data, size_t size) __asm__(COIR_LEGACY_LINK_NAME("write"));
int coir_legacy_close(int fd) __asm__(COIR_LEGACY_LINK_NAME("close"));
pid_t coir_legacy_waitpid(pid_t pid, int* status, int options) __asm__(COIR_LEGACY_LINK_NAME("waitpid"));
void coir_legacy_vsyslog(int priority, const char* format, va_list arguments) __asm__(COIR_LEGACY_LINK_NAME("vsyslog"));
void coir_legacy_vsyslog_chk(int priority, int check, const char* format,
                             va_list arguments) __asm__(COIR_LEGACY_LINK_NAME("__vsyslog_chk"));

}  // extern "C"
