// SPDX-License-Identifier: BSL-1.0
// from_thread::run: see coir/detail/from_thread.hpp and thread_host.hpp.
#include <coir/detail/from_thread.hpp>

#include "thread_host.hpp"

#include <coir/error.hpp>

#include <mutex>
#include <stdexcept>

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

[[gnu::tls_model("initial-exec")]] constinit thread_local ThreadHost* host_here = nullptr;

}  // namespace

ThreadHost::Here::Here(ThreadHost& host) noexcept { host_here = &host; }
ThreadHost::Here::~Here() { host_here = nullptr; }

void ThreadHost::cancel() noexcept {
    std::string message = copy_reason(task->cancel_message());
    const std::lock_guard guard(lock);
    cancelled = true;
    if (waits_for) waits_for->cancel(copy_reason(message));
    reason = std::move(message);
}

FromThread::FromThread() : host_(host_here) {
    if (running_here) {
        throw std::logic_error(
            "coir: from_thread::run on a thread that runs a loop would stop that loop; await "
            "run_task_threadsafe() instead");
    }
    throw_if_cancelled();
}

FromThread::~FromThread() {
    if (!host_) return;
    const std::lock_guard guard(host_->lock);
    host_->waits_for = nullptr;
}

void FromThread::waits_for(ThreadResultBase& result) {
    if (!host_) return;
    const std::lock_guard guard(host_->lock);
    host_->waits_for = &result;
    if (host_->cancelled) result.cancel(copy_reason(host_->reason));
}

void FromThread::throw_if_cancelled() const {
    if (!host_) return;
    const std::lock_guard guard(host_->lock);
    if (host_->cancelled) throw CancelledError(copy_reason(host_->reason));
}

FromThread::OnLoop::OnLoop(const FromThread& from) noexcept
    : scheduler_(from.host_ && &from.host_->task->scheduler() == running_here ? running_here
                                                                              : nullptr) {
    if (scheduler_) scheduler_->job_finished();
}
FromThread::OnLoop::~OnLoop() {
    if (scheduler_) scheduler_->job_started();
}

}  // namespace detail
}  // namespace v0
}  // namespace coir
