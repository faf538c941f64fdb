// SPDX-License-Identifier: BSL-1.0
// What public handles like Stream and Server point to: an object of one loop, counted by the handle
// and by the calls that are in progress on it, so that closing or dropping the handle under a
// suspended call leaves that call something to return to.
//
// The memory comes from the loop's pool, which keeps the scheduler alive as long as handles exist.
// Threads: the loop's; a handle that is dropped elsewhere while the loop runs is brought home.
#pragma once

#include <coir/detail/wait_queue.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "scheduler.hpp"

namespace coir {
inline namespace v0 {
namespace detail {

class LoopObject : private ReadyEntry {
public:
    LoopObject(const LoopObject&) = delete;
    LoopObject& operator=(const LoopObject&) = delete;

    Scheduler& scheduler() const noexcept { return scheduler_; }
    void add_ref() noexcept { ++references_; }
    void drop_ref() noexcept {
        if (--references_ == 0) dispose();
    }

protected:
    explicit LoopObject(Scheduler& scheduler) noexcept : scheduler_(scheduler) {}
    virtual ~LoopObject();

private:
    template <class T>
    friend class LoopPtr;
    template <class Drop>
    friend void drop_on_loop(LoopObject& object, Drop drop) noexcept;
    void dispose() noexcept;

    // The ReadyEntry is how the end of its one handle comes home from another thread: closing needs
    // no memory.
    Scheduler& scheduler_;
    std::uint32_t references_ = 1;
    std::uint16_t block_class_ = 0;
};

/// A counted pointer.
template <class T>
class LoopPtr {
public:
    LoopPtr() noexcept = default;
    static LoopPtr adopt(T* object) noexcept {
        LoopPtr pointer;
        pointer.object_ = object;
        return pointer;
    }
    static LoopPtr share(T* object) noexcept {
        if (object) object->add_ref();
        return adopt(object);
    }
    template <class... Args>
    static LoopPtr make(Scheduler& scheduler, Args&&... args) {
        // Larger blocks are not the pool's, and would not keep the scheduler alive.
        static_assert(sizeof(T) <= BlockPool::largest);
        std::uint16_t block_class = 0;
        void* memory = allocate_state(scheduler, sizeof(T), block_class);
        try {
            T* object = ::new (memory) T(scheduler, std::forward<Args>(args)...);
            object->block_class_ = block_class;
            return adopt(object);
        } catch (...) {
            free_state(scheduler, memory, block_class);
            throw;
        }
    }
    LoopPtr(const LoopPtr& other) noexcept : object_(other.object_) {
        if (object_) object_->add_ref();
    }
    LoopPtr(LoopPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    LoopPtr& operator=(LoopPtr other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~LoopPtr() {
        if (object_) object_->drop_ref();
    }
    T* get() const noexcept { return object_; }
    T* release() noexcept { return std::exchange(object_, nullptr); }
    T* operator->() const noexcept { return object_; }
    T& operator*() const noexcept { return *object_; }
    explicit operator bool() const noexcept { return object_ != nullptr; }

private:
    T* object_ = nullptr;
};

/// Calls `drop(object)`, a lambda without captures, on the loop's thread: at once, or by a post when the
/// loop runs elsewhere. Once in an object's life.
template <class Drop>
void drop_on_loop(LoopObject& object, Drop drop) noexcept {
    if (object.scheduler().usable_here()) {
        drop(object);
        return;
    }
    object.run = [](ReadyEntry& entry) noexcept { Drop{}(static_cast<LoopObject&>(entry)); };
    if (!object.scheduler().post_last(object)) drop(object);
}

/// An object with a descriptor that coir closes.
class LoopFd : public LoopObject {
public:
    LoopFd(Scheduler& scheduler, int fd) noexcept : LoopObject(scheduler), fd_(fd) {
        scheduler.owned_fds().insert(fd);
    }
    int fd() const noexcept { return fd_; }
    bool is_open() const noexcept { return fd_ >= 0; }
    /// The loop's system; the real one once the loop is closed, whose own may be gone by then.
    Sys& sys() const noexcept { return scheduler().closed() ? real_sys() : scheduler().sys(); }
    /// Ends what waits on the descriptor with -ECANCELED, and closes it. Harmless when closed.
    void close_now() noexcept;
    /// The current task; std::logic_error outside of one, WrongThreadError in another loop's.
    TaskBase& require_own_task(const char* call) const {
        TaskBase& self = this_task(call);
        if (&self.scheduler() != &scheduler()) [[unlikely]] throw_foreign(call);
        return self;
    }

protected:
    ~LoopFd() override { close_now(); }
    /// The descriptor has been closed. Not called by the destructor.
    virtual void on_close() noexcept {}
    int forget() noexcept {
        if (!scheduler().closed()) scheduler().owned_fds().erase(fd_);
        return std::exchange(fd_, -1);
    }

private:
    [[noreturn, gnu::cold]] static void throw_foreign(const char* call);
    int fd_;
};

/// Throws IoError for a negative result.
[[noreturn, gnu::cold]] void throw_io(long negative, const char* operation, int fd = -1,
                                      std::string_view detail = {});
inline long check_io(long result, const char* operation, int fd = -1) {
    if (result < 0) [[unlikely]]
        throw_io(result, operation, fd);
    return result;
}

/// Suspends in `queue` until woken (true) or until `deadline` (false). Throws CancelledError.
bool wait_until(WaitQueue& queue, const char* what, TimePoint deadline);

}  // namespace detail
}  // namespace v0
}  // namespace coir
