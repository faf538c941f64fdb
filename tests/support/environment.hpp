// SPDX-License-Identifier: BSL-1.0
// Variables of the environment for the time of a test.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace coir_test {

/// Sets a variable for as long as it lives; nullptr unsets it. Not while other threads look.
class Variable {
public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* old = std::getenv(name)) old_ = old;
        set(value);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { set(old_ ? old_->c_str() : nullptr); }

private:
    void set(const char* value) noexcept {
        if (value) {
            ::setenv(name_, value, 1);
        } else {
            ::unsetenv(name_);
        }
    }
    const char* name_;
    std::optional<std::string> old_;
};

/// Whether `tools/dev test --valgrind` runs this: what is measured is valgrind's time and memory then,
/// and its operator new cannot be replaced.
inline bool on_valgrind() { return std::getenv("COIR_ON_VALGRIND") != nullptr; }

}  // namespace coir_test
