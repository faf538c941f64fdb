// SPDX-License-Identifier: BSL-1.0
// See checked.hpp.
#include "checked.hpp"

#include <coir/detail/sys.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

class CheckedReactor final : public Reactor {
public:
    explicit CheckedReactor(std::unique_ptr<Reactor> inner) : inner_(std::move(inner)) {}
    ~CheckedReactor() override {
        if (!in_flight_.empty()) fail("was destroyed with operations in flight");
    }

    std::string_view name() const noexcept override { return inner_->name(); }
    std::string details() const override { return inner_->details(); }
    void attach() noexcept override {
        thread_ = std::this_thread::get_id();
        kernel_thread_ = real_sys()(SYS_gettid);
        inner_->attach();
    }
    bool supports(OpCode code) const noexcept override { return inner_->supports(code); }

    bool try_now(Operation& operation) noexcept override {
        require_thread("try_now");
        require_idle(operation, "try_now");
        return inner_->try_now(operation);
    }
    void submit(Operation& operation) noexcept override {
        require_thread("submit");
        require_idle(operation, "submit");
        if (!operation.complete) fail("was given an operation without a completion function");
        note(in_flight_, &operation);
        inner_->submit(operation);
    }
    bool begin(Operation& operation) noexcept override {
        require_thread("begin");
        require_idle(operation, "begin");
        if (!operation.complete) fail("was given an operation without a completion function");
        note(in_flight_, &operation);
        const bool done = inner_->begin(operation);
        if (done) in_flight_.erase(&operation);
        return done;
    }
    std::int32_t send_now(int fd, const void* data, std::size_t size) noexcept override {
        require_thread("send_now");
        return inner_->send_now(fd, data, size);
    }
    std::int32_t receive_now(Operation& operation) noexcept override {
        require_thread("receive_now");
        require_idle(operation, "receive_now");
        return inner_->receive_now(operation);
    }
    void cancel(Operation& operation) noexcept override {
        require_thread("cancel");
        if (!blind_ && in_flight_.count(&operation) == 0) {
            fail("was asked to cancel what is not in flight");
        }
        inner_->cancel(operation);
    }
    bool submit(MultiOperation& operation) noexcept override {
        require_thread("submit");
        if (!operation.event) fail("was given a multi-operation without an event function");
        const bool taken = inner_->submit(operation);
        if (taken && !note(sources_, &operation)) fail("was given a source twice");
        return taken;
    }
    void cancel(MultiOperation& operation) noexcept override {
        require_thread("cancel");
        inner_->cancel(operation);
    }
    void return_buffer(std::uint32_t buffer) noexcept override { inner_->return_buffer(buffer); }

    WaitResult wait(TimePoint deadline, CompletionList& completions) noexcept override {
        require_thread("wait");
        // What a wait has brought that failed is in the list yet.
        Operation* const earlier = completions.take();
        const std::size_t earlier_events = completions.events().size();
        const WaitResult result = inner_->wait(deadline, completions);
        Operation* const brought = completions.take();
        for_each(earlier, [&](Operation& one) { completions.finish(one, one.result); });
        for_each(brought, [&](Operation& one) {
            check_completion(one);
            completions.finish(one, one.result);
        });
        for (std::size_t i = earlier_events; i < completions.events().size(); ++i) {
            const CompletionList::Pending& pending = completions.events()[i];
            if (!blind_ && sources_.count(pending.source) == 0) {
                fail("sent an event after the last one");
            }
            if (!pending.event.more) sources_.erase(pending.source);
        }
        return result;
    }
    void wake() noexcept override { inner_->wake(); }
    void fd_closing(int fd) noexcept override {
        require_thread("fd_closing");
        inner_->fd_closing(fd);
    }
    int pollable_fd() const noexcept override { return inner_->pollable_fd(); }
    bool has_unsent() const noexcept override { return inner_->has_unsent(); }
    Nanoseconds wait_pause() const noexcept override { return inner_->wait_pause(); }
    void forked_child() noexcept override {
        in_flight_.clear();
        sources_.clear();
        inner_->forked_child();
    }
    void counters(ReactorCounters& counters) const noexcept override { inner_->counters(counters); }
    Sys* world() noexcept override { return inner_->world(); }

private:
    [[noreturn]] void fail(const char* what) const noexcept {
        std::fprintf(stderr, "coir: reactor contract: '%.*s' %s\n",
                     static_cast<int>(inner_->name().size()), inner_->name().data(), what);
        std::abort();
    }
    void require_thread(const char* call) const noexcept {
        if (thread_ == std::thread::id() || thread_ == std::this_thread::get_id()) return;
        // One kernel thread may stand for several of pthread's (libcoir-deep).
        if (kernel_thread_ != real_sys()(SYS_gettid)) {
            fail((std::string("was called (") + call + ") from another thread than its loop's")
                     .c_str());
        }
    }
    template <class F>
    static void for_each(Operation* first, F f) noexcept {
        while (first) {
            Operation* const next = first->next;
            f(*first);
            first = next;
        }
    }
    // Where there is no memory to remember it, what is remembered says nothing any more.
    template <class Set, class Item>
    bool note(Set& known, const Item* item) noexcept {
        try {
            return known.insert(item).second;
        } catch (const std::bad_alloc&) {
            return blind_ = true;
        }
    }
    void require_idle(const Operation& operation, const char* call) const noexcept {
        if (in_flight_.count(&operation) != 0) {
            fail((std::string("was given (") + call + ") an operation that is in flight").c_str());
        }
    }
    void check_completion(const Operation& operation) noexcept {
        if (in_flight_.erase(&operation) == 0 && !blind_) {
            fail("completed an operation twice, or one that it was never given");
        }
        const bool handed_to_pool =
            operation.route == Route::pool && operation.result == -EAGAIN;
        const bool asked_not_to_wait = (operation.flags & MSG_DONTWAIT) != 0;
        const bool unix_backlog = operation.code == OpCode::connect;
        const bool receives_itself = (operation.hints & hint_receives_itself) != 0;
        if (operation.result == -EAGAIN && !handed_to_pool && !asked_not_to_wait && !unix_backlog &&
            !receives_itself) {
            fail("let EAGAIN through");
        }
        if (operation.result == -EINTR) fail("let EINTR through");
        const bool transfers = operation.code == OpCode::recv || operation.code == OpCode::send ||
                               operation.code == OpCode::read || operation.code == OpCode::write;
        // MSG_TRUNC may report more than there was room for.
        if (transfers && operation.result > 0 && (operation.flags & MSG_TRUNC) == 0 &&
            static_cast<std::size_t>(operation.result) > operation.size) {
            fail("transferred more bytes than the buffer has");
        }
    }

    std::unique_ptr<Reactor> inner_;
    std::thread::id thread_;
    long kernel_thread_ = 0;
    bool blind_ = false;
    std::unordered_set<const Operation*> in_flight_;
    std::unordered_set<const MultiOperation*> sources_;
};

}  // namespace

std::unique_ptr<Reactor> check_contract(std::unique_ptr<Reactor> inner) {
    return std::make_unique<CheckedReactor>(std::move(inner));
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
