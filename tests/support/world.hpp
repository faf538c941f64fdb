// SPDX-License-Identifier: BSL-1.0
// Loops in a world of the test's own: select(2), with system calls that the test sees or answers.
#pragma once

#include <coir/detail/sys.hpp>
#include <coir/reactor.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "examples/select_reactor.hpp"

namespace coir_test {

class SelectInWorld : public coir::Reactor {
public:
    explicit SelectInWorld(coir::detail::Sys& world) : world_(world) {}

    std::string_view name() const noexcept override { return "select, in a test's world"; }
    void submit(coir::Operation& operation) noexcept override { inner_.submit(operation); }
    void cancel(coir::Operation& operation) noexcept override { inner_.cancel(operation); }
    coir::WaitResult wait(coir::TimePoint deadline,
                          coir::CompletionList& completions) noexcept override {
        return inner_.wait(deadline, completions);
    }
    void wake() noexcept override { inner_.wake(); }
    coir::detail::Sys* world() noexcept override { return &world_; }

private:
    coir::detail::Sys& world_;
    SelectReactor inner_;
};

/// A reactor of that name for RunOptions::reactor. Returns true, for the initializer of a variable.
template <auto& world>
bool register_world(std::string_view name) {
    coir::register_reactor({std::string(name), -1, [] { return coir::Verdict{true, "of a test", ""}; },
                            [](const coir::ReactorOptions&) {
                                return std::unique_ptr<coir::Reactor>(new SelectInWorld(world));
                            }});
    return true;
}

}  // namespace coir_test
