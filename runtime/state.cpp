// SPDX-License-Identifier: BSL-1.0
// The shared state of tasks and futures: outcome, waiters, callbacks, life time.
//
//   pending --settle()--> value | error | cancelled        (once; then the waiters are woken in order)
#include "context.hpp"
#include "leave.hpp"
#include "made_error.hpp"

#include <coir/error.hpp>

#include <new>

#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

const std::string no_message;

// Cancelling a task that awaits something cancels that thing; it wakes the task when it is done.
struct AwaitPark : Park {
    StateBase* target = nullptr;
    Waiter* waiter = nullptr;
    bool given_up = false;

    // A chain of tasks that await one another is walked, not recursed into: it may be longer than
    // the canceller's stack is deep. A ring (see would_wait_for) is noticed because the walk comes
    // back to the task that was met at the latest power of two, and is broken there.
    static void cancel_target(Park& park, TaskBase& task) noexcept {
        const std::string message = copy_reason(task.cancel_message());
        StateBase* target = static_cast<AwaitPark&>(park).target;
        const StateBase* met = &task;
        std::size_t steps = 0;
        std::size_t next_mark = 1;
        while (target->is_task()) {
            TaskBase& next = static_cast<TaskBase&>(*target);
            if (!next.note_cancel_request(message)) return;
            Park* waits = next.interruptible_park();
            if (!waits) return;
            if (waits->cancel != &cancel_target) {
                waits->cancel(*waits, next);
                return;
            }
            if (&next == met) {
                static_cast<AwaitPark*>(waits)->give_up(next);
                return;
            }
            if (++steps == next_mark) {
                met = &next;
                next_mark *= 2;
            }
            target = static_cast<AwaitPark*>(waits)->target;
        }
        target->cancel(message);
    }
    void give_up(TaskBase& task) noexcept {
        given_up = true;
        waiter->unlink();
        task.scheduler().make_ready(task);
    }
};

// Whether `from` waits, itself or through others, for `goal`. Long chains are not followed to their
// end, because every await of a task pays for this; the deadlock report names long rings.
bool would_wait_for(const StateBase* from, const StateBase& goal) noexcept {
    constexpr int most = 100;
    for (int i = 0; from && from->is_task() && i < most; ++i) {
        if (from == &goal) return true;
        const Park* park = static_cast<const TaskBase*>(from)->park();
        from = park ? static_cast<const StateBase*>(park->awaited) : nullptr;
    }
    return false;
}

}  // namespace

std::string copy_reason(const std::string& message) noexcept {
    try {
        return message;
    } catch (const std::bad_alloc&) {
        return {};
    }
}

void StateBase::drop_callbacks() noexcept {
    while (Waiter* waiter = waiters_.pop_front()) {
        // Only callbacks can be left: a waiting task keeps it.
        if (waiter->notify == &DoneCallback::queue) delete static_cast<DoneCallback*>(waiter);
    }
}

const std::string& StateBase::cancel_message() const noexcept {
    return cancel_message_ ? *cancel_message_ : no_message;
}

void StateBase::require_thread(const char* call) const { scheduler_->require_thread(call); }

void StateBase::require_settable() const {
    // A loop that runs here is open.
    if (running_here != scheduler_ || done()) [[unlikely]] refuse_unless_settable();
}

void StateBase::refuse_unless_settable() const {
    require_thread("setting a future");
    if (done()) throw InvalidStateError("coir: the future is done already");
    if (scheduler_->closed()) throw InvalidStateError("coir: the future's loop is closed");
}

void StateBase::set_error(std::exception_ptr error) {
    if (!error) throw std::invalid_argument("coir: set_exception needs an exception, got null");
    require_settable();
    error_ = std::move(error);
    settle(Outcome::error);
}

void StateBase::keep_cancel_message(const std::string& message) noexcept {
    std::unique_ptr<std::string> kept;
    try {
        if (!message.empty()) kept = std::make_unique<std::string>(message);
    } catch (const std::bad_alloc&) {
        // As in copy_reason().
    }
    cancel_message_ = std::move(kept);
}

bool StateBase::set_cancelled(const std::string& message) {
    if (done()) return false;
    require_settable();
    keep_cancel_message(message);
    settle(Outcome::cancelled);
    return true;
}

void StateBase::break_promise() noexcept {
    try {
        set_error(made_error<BrokenPromise>());
    } catch (...) {
        // The loop is closed or elsewhere: nobody waits any more.
    }
}

bool StateBase::cancel(const std::string& message) {
    if (is_task_) return static_cast<TaskBase*>(this)->cancel_requested(message);
    if (done()) {
        // Whoever cancels a failed future knows of it: nothing is left to report.
        retrieved_ = true;
        return false;
    }
    return set_cancelled(message);
}

void StateBase::settle(Outcome outcome) noexcept {
    outcome_ = outcome;
    while (Waiter* waiter = waiters_.pop_front()) {
        if (waiter->task) {
            scheduler_->make_ready(*waiter->task);
        } else {
            if (outcome != Outcome::error) retrieved_ = true;  // somebody has been told
            waiter->notify(*waiter);
        }
    }
}

[[noreturn, gnu::noinline]] static void throw_of_another_loop() {
    throw WrongThreadError("coir: what is awaited belongs to another loop");
}

[[noreturn, gnu::noinline]] static void throw_of_a_ring() {
    throw InvalidStateError("coir: a task cannot await itself, or a task that waits for it");
}

TaskBase& StateBase::awaiting_task() const {
    TaskBase& self = this_task("await");
    if (scheduler_ != &self.scheduler()) [[unlikely]] throw_of_another_loop();
    return self;
}

bool StateBase::wait_kept() {
    TaskBase& self = awaiting_task();
    Kept kept(*this);
    wait_inline(self);
    return kept.pass_on();
}

void StateBase::wait(TaskBase& self) { wait_inline(self); }

[[gnu::always_inline]] inline void StateBase::wait_inline(TaskBase& self) {
    if (done()) {
        self.check_cancelled();
        scheduler_->spend_credit();
        return;
    }
    if (is_task_ && would_wait_for(this, self)) [[unlikely]] throw_of_a_ring();
    if (self.cancel_pending() && !self.masked()) {
        // Entered with an undelivered request: a task is cancelled and joined, anything else left.
        if (!is_task_) self.throw_cancelled();
        cancel(self.cancel_message());
    }
    Waiter waiter(&self);
    waiters_.push_back(waiter);
    AwaitPark park;
    park.what = is_task_ ? "the end" : "a future";
    park.awaited = this;
    park.target = this;
    park.waiter = &waiter;
    // While masked, a request is kept for later; the scheduler does not call this then.
    park.cancel = &AwaitPark::cancel_target;
    scheduler_->suspend_inline(park);
    if (park.given_up) self.throw_cancelled();
    if (outcome_ == Outcome::cancelled && self.cancel_pending() && !self.masked()) {
        self.throw_cancelled();
    }
}

void StateBase::throw_outcome(bool awaited) {
    switch (outcome_) {
        case Outcome::value:
            break;  // moved out
        case Outcome::pending:
            throw InvalidStateError("coir: the result is not there yet");
        case Outcome::cancelled:
            if (awaited) throw TaskCancelledError(cancel_message());
            throw CancelledError(cancel_message());
        case Outcome::error:
            retrieved_ = true;
            std::rethrow_exception(error_);
    }
    throw InvalidStateError("coir: the result has been moved out");
}

// --- Done callbacks -----------------------------------------------------------------------------

StateBase::DoneCallback::DoneCallback() noexcept : Waiter(nullptr) {
    notify = &DoneCallback::queue;
    run = [](ReadyEntry& entry) noexcept {
        std::unique_ptr<DoneCallback> self(static_cast<DoneCallback*>(&entry));
        StateBase* const of = self->state;
        Scheduler& scheduler = of->scheduler();
        if (!scheduler.closed()) {
            const InContext in(scheduler, self->variables);
            try {
                self->invoke();
            } catch (...) {
                scheduler.report_current("exception in a done callback");
            }
        }
        self.reset();
        of->drop_ref();
    };
}

StateBase::DoneCallback::~DoneCallback() = default;

void StateBase::DoneCallback::queue(Waiter& waiter) noexcept {
    auto& self = static_cast<DoneCallback&>(waiter);
    self.state->add_ref();
    self.state->scheduler().push_ready(self);
}

std::uint64_t StateBase::add_done_callback(std::unique_ptr<DoneCallback> callback) {
    require_thread("add_done_callback");
    scheduler_->require_open("add_done_callback");
    static std::atomic<std::uint64_t> last_id{0};
    callback->id = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
    callback->state = this;
    callback->variables = capture_context();
    DoneCallback& added = *callback.release();
    const std::uint64_t id = added.id;
    if (done()) {
        if (outcome_ != Outcome::error) retrieved_ = true;
        added.notify(added);
    } else {
        waiters_.push_back(added);
    }
    return id;
}

StateBase::DoneCallback* StateBase::find_callback(std::uint64_t id) noexcept {
    for (Waiter* waiter = waiters_.front(); waiter; waiter = waiters_.next(*waiter)) {
        if (waiter->notify != &DoneCallback::queue) continue;
        auto* callback = static_cast<DoneCallback*>(waiter);
        if (callback->id == id) return callback;
    }
    return nullptr;
}

bool StateBase::remove_done_callback(std::uint64_t id) noexcept {
    DoneCallback* const callback = find_callback(id);
    if (!callback) return false;
    callback->unlink();
    delete callback;
    return true;
}

void StateBase::set_callback_follower(std::uint64_t id, const StateBase& follower) noexcept {
    if (DoneCallback* const callback = find_callback(id)) callback->on_behalf_of = &follower;
}

// --- Life time ----------------------------------------------------------------------------------

namespace {
// Brings the last reference home to the loop's thread.
struct RemoteRelease : ReadyEntry {
    StateBase* state = nullptr;
};
}  // namespace

// Brings the last reference home; false when there is no home any more.
[[gnu::noinline]] static bool release_at_home(StateBase& state) noexcept {
    auto* release = new (std::nothrow) RemoteRelease;
    if (!release) return true;  // leaking is all that is left to do safely
    release->state = &state;
    release->run = [](ReadyEntry& entry) noexcept {
        auto* self = static_cast<RemoteRelease*>(&entry);
        self->state->drop_ref();
        delete self;
    };
    if (state.scheduler().post_last(*release)) return true;
    delete release;
    return false;
}

void StateBase::last_ref() noexcept {
    if (running_here != scheduler_) [[unlikely]] {
        if (!scheduler_->usable_here() && release_at_home(*this)) return;
    }
    references_.store(0, std::memory_order_relaxed);
    if (!owned_) dispose();
}

void StateBase::dispose() noexcept {
    if (awaits_ != 0) {
        given_up_ = true;
        return;
    }
    if (!retrieved_) [[unlikely]] lost_outcome();
    Scheduler& scheduler = *scheduler_;
    const std::uint16_t block_class = block_class_;
    void* memory = dynamic_cast<void*>(this);
    this->~StateBase();
    scheduler.free_block(memory, block_class);
}

// Nobody has looked at the outcome when the last handle goes. An error would be lost: say so, once.
void StateBase::lost_outcome() noexcept {
    retrieved_ = true;
    if (outcome_ == Outcome::error) {
        scheduler_->report_unretrieved(*this);
    } else if (outcome_ == Outcome::value && is_task_ && !detached_ && scheduler_->debug()) {
        scheduler_->report_never_awaited(static_cast<const TaskBase&>(*this));
    }
}

void* allocate_state(Scheduler& scheduler, std::size_t size, std::uint16_t& block_class) {
    void* memory = scheduler.allocate_block(size, block_class);
    if (scheduler.debug()) [[unlikely]] scheduler.note_creation(memory);
    return memory;
}

StateMemory allocate_state_here(const char* call, std::size_t size) {
    Scheduler& scheduler = running_scheduler(call);
    std::uint16_t block_class = 0;
    return {allocate_state(scheduler, size, block_class), &scheduler};
}

void free_state(Scheduler& scheduler, void* memory, std::uint16_t block_class) noexcept {
    scheduler.free_block(memory, block_class);
}

void throw_empty_handle() {
    throw InvalidStateError("coir: the handle is empty (default-constructed or moved from)");
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
