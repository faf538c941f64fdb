// SPDX-License-Identifier: BSL-1.0
// Groups. Not the C++ TaskGroup, which is a block of code: a group here is an object.
#include "capi.hpp"

#include <coir/await.hpp>
#include <coir/sync.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace capi = coir::detail::capi;
using coir::detail::TaskBase;

struct coir_group {
    explicit coir_group(coir::detail::Scheduler& loop) : scheduler(loop) { ended.set(); }

    void child_ended() noexcept {
        if (--running == 0) ended.set();
    }
    void cancel() {
        cancelled = true;
        for (const coir::TaskRef& child : children) child.cancel();
    }
    void child_failed(int with) {
        if (error == 0) error = with;
        cancel();
    }

    coir::detail::Scheduler& scheduler;
    std::vector<coir::TaskRef> children;  // those that have ended are dropped from time to time
    std::size_t running = 0;
    int error = 0;
    bool cancelled = false;
    coir::Event ended;  // set while nobody runs
};

namespace {

// A child's membership; ends with its callable, also of a task that never begins.
class Member {
public:
    explicit Member(coir_group& group) noexcept : group_(&group) {
        if (group.running++ == 0) group.ended.clear();
    }
    Member(Member&& other) noexcept : group_(std::exchange(other.group_, nullptr)) {}
    Member& operator=(Member&&) = delete;
    ~Member() {
        if (group_) group_->child_ended();
    }
    coir_group& group() const noexcept { return *group_; }

private:
    coir_group* group_;
};

struct Child {
    Member member;
    capi::Body body;
    void operator()() {
        try {
            body();
        } catch (const coir::CancelledError&) {
            throw;
        } catch (...) {
            member.group().child_failed(capi::error_of_current());
        }
    }
};

bool is_here(const coir_group& group) noexcept { return coir::detail::running_here == &group.scheduler; }

// Waits for the children whatever is asked of the task.
void join(coir_group& group) {
    coir::no_cancel([&] { group.ended.wait(); });
}

void reset(coir_group& group) noexcept {
    group.children.clear();
    group.error = 0;
    group.cancelled = false;
}

}  // namespace

extern "C" {

coir_group* coir_group_new(void) {
    if (!coir::detail::running_here) {
        errno = EPERM;
        return nullptr;
    }
    return capi::make<coir_group>(*coir::detail::running_here);
}

int coir_group_spawn(coir_group* group, void (*fn)(void*), void* arg, const coir_attr* attr) {
    if (!group || !fn) return capi::fail(EINVAL);
    if (!is_here(*group)) return capi::fail(EPERM);
    if (group->cancelled) return capi::fail(ECANCELED);
    return capi::guard([&] {
        coir::TaskOptions options;
        if (!capi::read_attributes(attr, options)) throw std::invalid_argument("coir_attr");
        if (group->children.size() > 2 * group->running + 16) {
            std::erase_if(group->children, [](const coir::TaskRef& child) { return child.done(); });
        }
        if (group->children.size() == group->children.capacity()) {
            group->children.reserve(16 + 2 * group->children.size());
        }
        const auto task = coir::create_task(options, Child{Member(*group), {fn, arg}});
        group->children.push_back(task.ref());
    });
}

int coir_group_wait(coir_group* group, int64_t timeout_ns) {
    if (!group) return capi::fail(EINVAL);
    if (!is_here(*group)) return capi::fail(EPERM);
    if (capi::wait(timeout_ns, [&] { group->ended.wait(); }) < 0) {
        if (errno != ECANCELED) return -1;
        capi::guard([&] {
            group->cancel();
            join(*group);
        });
        reset(*group);
        return capi::fail(ECANCELED);
    }
    const int error = group->error;
    reset(*group);
    return error == 0 ? 0 : capi::fail(error);
}

int coir_group_cancel(coir_group* group) {
    if (!group) return capi::fail(EINVAL);
    if (!is_here(*group)) return capi::fail(EPERM);
    return capi::guard([&] { group->cancel(); });
}

int coir_group_free(coir_group* group) {
    if (!group) return 0;
    if (group->running > 0) {
        if (!is_here(*group)) return capi::fail(EPERM);
        if (!coir::detail::current_task_state()) return capi::fail(EBUSY);
        const int done = capi::guard([&] {
            group->cancel();
            join(*group);
        });
        if (done < 0) return -1;
    }
    delete group;
    return 0;
}

}  // extern "C"
