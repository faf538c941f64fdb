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

}  // namespace coir_test
