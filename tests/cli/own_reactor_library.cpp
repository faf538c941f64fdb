// SPDX-License-Identifier: BSL-1.0
// A library with two reactors of its own for `coir reactors test`: one that is right, and one that
// reports POLLERR where there is none. It registers them when it is loaded.
#include "examples/select_reactor.hpp"

#include <memory>

namespace {

class Wrong final : public coir::Reactor {
public:
    std::string_view name() const noexcept override { return "wrong"; }
    void submit(coir::Operation& operation) noexcept override { inner_.submit(operation); }
    void cancel(coir::Operation& operation) noexcept override { inner_.cancel(operation); }
    coir::WaitResult wait(coir::TimePoint deadline,
                          coir::CompletionList& completions) noexcept override {
        const coir::WaitResult result = inner_.wait(deadline, completions);
        for (coir::Operation* one = completions.take(); one;) {
            coir::Operation* const next = one->next;
            completions.finish(*one, one->result > 0 ? one->result | POLLERR : one->result);
            one = next;
        }
        return result;
    }
    void wake() noexcept override { inner_.wake(); }

private:
    SelectReactor inner_;
};

template <class T>
void add(const char* name) {
    coir::register_reactor({name, -1, [] { return coir::Verdict{true, "of a test", ""}; },
                            [](const coir::ReactorOptions&) {
                                return std::unique_ptr<coir::Reactor>(new T);
                            }});
}

[[maybe_unused]] const bool registered = (add<SelectReactor>("own-select"), add<Wrong>("own-wrong"), true);

}  // namespace
