// SPDX-License-Identifier: BSL-1.0
// A value per task. They are kept by a done callback of the task, which is also what ends them.
#include "capi.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

namespace capi = coir::detail::capi;
using coir::detail::StateBase;
using coir::detail::TaskBase;

// What a key is to its values, which may outlive it.
struct Key {
    void (*destructor)(void*) = nullptr;
    std::atomic<bool> freed{false};
};

struct coir_local {
    std::shared_ptr<Key> key;
};

namespace {

class Values;
// A task stays on its thread, and so do its values.
thread_local std::unordered_map<const StateBase*, Values*> values_of_tasks;

class Values final : public StateBase::DoneCallback {
public:
    explicit Values(const StateBase& of) : task_(of) { values_of_tasks.emplace(&of, this); }
    ~Values() override { end(); }

    void* get(const coir_local& local) const noexcept {
        const auto found = find(values_.begin(), values_.end(), local);
        return found == values_.end() ? nullptr : found->value;
    }
    void set(const coir_local& local, void* value) {
        const auto found = find(values_.begin(), values_.end(), local);
        if (found != values_.end()) {
            found->value = value;
        } else {
            values_.push_back({local.key, value});
        }
    }

private:
    struct Value {
        std::shared_ptr<Key> key;
        void* value;
    };
    template <class Iterator>
    static Iterator find(Iterator first, Iterator last, const coir_local& local) noexcept {
        return std::find_if(first, last, [&](const Value& each) { return each.key == local.key; });
    }
    void invoke() override { end(); }
    void end() noexcept {
        values_of_tasks.erase(&task_);
        for (const Value& each : std::exchange(values_, {})) {
            if (!each.value || !each.key->destructor || each.key->freed) continue;
            try {
                each.key->destructor(each.value);
            } catch (...) {
                // A C function; there is nobody to tell.
            }
        }
    }

    const StateBase& task_;
    std::vector<Value> values_;
};

Values* values_here() noexcept {
    const TaskBase* task = coir::detail::current_task_state();
    if (!task) return nullptr;
    const auto found = values_of_tasks.find(task);
    return found == values_of_tasks.end() ? nullptr : found->second;
}

}  // namespace

extern "C" {

coir_local* coir_local_new(void (*destructor)(void*)) {
    coir_local* local = nullptr;
    capi::guard([&] {
        auto made = std::make_unique<coir_local>();
        made->key = std::make_shared<Key>();
        made->key->destructor = destructor;
        local = made.release();
    });
    return local;
}

int coir_local_free(coir_local* local) {
    if (!local) return 0;
    local->key->freed = true;
    delete local;
    return 0;
}

void* coir_local_get(const coir_local* local) {
    const Values* values = local ? values_here() : nullptr;
    return values ? values->get(*local) : nullptr;
}

int coir_local_set(coir_local* local, void* value) {
    if (!local) return capi::fail(EINVAL);
    TaskBase* task = coir::detail::current_task_state();
    if (!task) return capi::fail(EPERM);
    return capi::guard([&] {
        Values* values = values_here();
        if (!values) {
            auto made = std::make_unique<Values>(*task);
            values = made.get();
            task->add_done_callback(std::move(made));
        }
        values->set(*local, value);
    });
}

}  // extern "C"
