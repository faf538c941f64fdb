// SPDX-License-Identifier: BSL-1.0
// Whether everything here is as it must be. Each part refuses (refusal.hpp) what is not.
#pragma once

#include <string>

namespace coir_deep {

/// The libraries and libc, before anything of the program runs.
void test_process();
/// Two threads, in the main task, before main() is called.
void test_threads();
/// One line for who has asked.
std::string describe_self_test();

}  // namespace coir_deep
