// SPDX-License-Identifier: BSL-1.0
// What the linker calls the exported functions, and those that they stand for.
//
// A program that is linked with the archive for fully static programs (COIR_LEGACY_WRAPPED) has libc
// in it, where a name can be defined once: --wrap=read makes of every reference to read one to
// __wrap_read, and of __real_read one to read.
#pragma once

#ifndef COIR_LEGACY_WRAPPED
#define COIR_LEGACY_WRAPPED 0
#endif

#if COIR_LEGACY_WRAPPED
#define COIR_LEGACY_LINK_NAME(name) "__wrap_" name
#else
#define COIR_LEGACY_LINK_NAME(name) name
#endif
