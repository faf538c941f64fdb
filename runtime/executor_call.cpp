// SPDX-License-Identifier: BSL-1.0
// run_in_executor: a call on its way to an executor's thread and back.
//
//   queued --thread--> running --post--> home: the future gets the result
//     `--the future is cancelled: withdrawn     `--cancelled: goes on, and the result is dropped
//
// The future belongs to the loop; the flight alone goes to the other thread, and looks at nothing
// of the loop but the inbox. A loop that ends cancels the futures of what is outside: a flight that
// finds the inbox closed ends where it is.
#include <coir/detail/executor_call.hpp>

#include "scheduler.hpp"
#include "made_error.hpp"
#include "thread_pool.hpp"

#include <coir/error.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <utility>

namespace coir {
inline namespace v0 {
namespace detail {

ExecutorCall::~ExecutorCall() = default;

namespace {

class Flight final : PoolJob, ReadyEntry, Scheduler::Outside {
public:
    Flight(Scheduler& scheduler, std::shared_ptr<ThreadPoolCore> core,
           std::unique_ptr<ExecutorCall> call)
        : scheduler_(scheduler), core_(std::move(core)), call_(std::move(call)) {
        work = [](PoolJob& job) noexcept { static_cast<Flight&>(job).work_now(); };
        finish = [](PoolJob& job) noexcept { static_cast<Flight&>(job).go_home(); };
        run = [](ReadyEntry& entry) noexcept { static_cast<Flight&>(entry).come_home(); };
        loop_ends = [](Outside& outside) noexcept { static_cast<Flight&>(outside).end_with_loop(); };
        cancelled_.flight = this;
        cancelled_.notify = [](Waiter& waiter) noexcept {
            static_cast<WhenCancelled&>(waiter).flight->call_off();
        };
    }

    // The loop: to coir's own pool.
    static void send(std::shared_ptr<ThreadPoolCore> core, Scheduler& scheduler,
                     std::unique_ptr<ExecutorCall> call) {
        auto flight = std::make_unique<Flight>(scheduler, core, std::move(call));
        Flight& sent = *flight;
        sent.depart();
        try {
            core->submit_limited(sent);
            static_cast<void>(flight.release());
        } catch (...) {
            sent.arrive();
            throw;
        }
    }
    // The loop: to somebody else's.
    static void send(Executor& executor, Scheduler& scheduler, std::unique_ptr<ExecutorCall> call);

private:
    friend class Ticket;
    enum class Phase : int { queued, running, withdrawn };

    struct WhenCancelled : Waiter {
        WhenCancelled() noexcept : Waiter(nullptr) {}
        Flight* flight = nullptr;
    };

    void depart() noexcept {
        scheduler_.job_started();
        scheduler_.add_outside(*this);
        call_->future().add_waiter(cancelled_);
    }
    // Back on the loop, or never gone. Destroys the call.
    void arrive() noexcept {
        static_cast<ListLink&>(cancelled_).unlink();
        static_cast<ListLink&>(static_cast<Outside&>(*this)).unlink();
        scheduler_.job_finished();
        call_.reset();
    }
    bool leave_queue(Phase to) noexcept {
        Phase expected = Phase::queued;
        return phase_.compare_exchange_strong(expected, to, std::memory_order_acq_rel);
    }

    // The future is done, and not by this: it was cancelled.
    void call_off() noexcept {
        if (core_ ? core_->withdraw(*this) : leave_queue(Phase::withdrawn)) {
            arrive();
            drop();
        } else {
            call_->request_stop();
        }
    }
    void end_with_loop() noexcept {
        // What is told of this may give up the call, and with it the last that refers to the future.
        StateBase& future = call_->future();
        const StateBase::Kept kept(future);
        if (!future.done()) future.set_cancelled({});
    }

    void work_now() noexcept {
        try {
            call_->work();
        } catch (const CancelledError& cancelled) {
            ended_cancelled_ = true;
            reason_ = copy_reason(cancelled.message());
        } catch (...) {
            error_ = std::current_exception();
        }
    }
    // The other thread. The future keeps the loop's memory until this is over.
    void go_home() noexcept {
        if (scheduler_.post_last(*this)) return;
        call_.reset();
        drop();
    }
    void come_home() noexcept {
        if (!scheduler_.closed() && !call_->future().done()) settle();
        arrive();
        drop();
    }
    void settle() noexcept {
        StateBase& future = call_->future();
        static_cast<ListLink&>(cancelled_).unlink();
        try {
            if (ended_cancelled_) {
                future.set_cancelled(reason_);
            } else if (error_) {
                future.set_error(std::move(error_));
            } else {
                call_->deliver();
            }
        } catch (...) {
            future.set_error(std::current_exception());  // a result that cannot be moved
        }
    }
    void drop() noexcept {
        if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    Scheduler& scheduler_;
    const std::shared_ptr<ThreadPoolCore> core_;  // null: an executor that is not coir's
    std::unique_ptr<ExecutorCall> call_;
    WhenCancelled cancelled_;
    std::exception_ptr error_;
    std::string reason_;
    bool ended_cancelled_ = false;
    std::atomic<Phase> phase_{Phase::queued};  // for executors that are not coir's
    std::atomic<int> owners_{1};               // the flight itself, and a ticket
};

// The job that a foreign executor gets.
class Ticket {
public:
    explicit Ticket(Flight& flight) noexcept : flight_(&flight) { ++flight.owners_; }
    Ticket(Ticket&& other) noexcept : flight_(std::exchange(other.flight_, nullptr)) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() {
        if (!flight_) return;
        if (flight_->leave_queue(Flight::Phase::running)) {
            flight_->error_ = made_error<BrokenPromise>();
            flight_->go_home();
        }
        flight_->drop();
    }
    void operator()() {
        if (!flight_->leave_queue(Flight::Phase::running)) return;
        flight_->work_now();
        flight_->go_home();
    }

private:
    Flight* flight_;
};

void Flight::send(Executor& executor, Scheduler& scheduler, std::unique_ptr<ExecutorCall> call) {
    auto* flight = new Flight(scheduler, nullptr, std::move(call));
    flight->depart();
    // In case the job has been there and back before submit() throws.
    const auto future = StateRef<StateBase>::share(&flight->call_->future());
    ++flight->owners_;
    struct Kept {
        Flight* flight;
        ~Kept() { flight->drop(); }
    } const kept{flight};
    try {
        executor.submit(Executor::Job(Ticket(*flight)));
    } catch (...) {
        if (flight->leave_queue(Phase::withdrawn)) {
            flight->arrive();
            flight->drop();
        } else {
            future->mark_retrieved();  // what is on its way home is thrown here
        }
        throw;
    }
}

}  // namespace

void send_to_executor(Executor& executor, Scheduler& scheduler, std::unique_ptr<ExecutorCall> call) {
    if (std::shared_ptr<ThreadPoolCore> core = executor.core()) {
        Flight::send(std::move(core), scheduler, std::move(call));
    } else {
        Flight::send(executor, scheduler, std::move(call));
    }
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
