// SPDX-License-Identifier: BSL-1.0
// Putting the wrappers into single libraries at run time: the slots through which a library calls
// libc are filled with the wrappers' addresses. It works for libraries that were loaded before,
// with RTLD_DEEPBIND or with full RELRO, and reaches no others.
//
//   collect all slots --> make their pages writable --> write them --> protect the pages again
//
// What can fail comes first: a process is patched as asked, or not at all.
#include "patch.hpp"

#include "image.hpp"
#include "wrappers.hpp"

#include <coir/detail/futex_lock.hpp>

#include <cerrno>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <fnmatch.h>
#include <sys/mman.h>
#include <unistd.h>

namespace coir_legacy {
namespace {

struct Change {
    void** slot;
    void* before;
    void* after;
    bool read_only;
};

constinit coir::detail::FutexLock lock;

// Under the lock. Never destroyed: a program may call until its end.
struct State {
    std::vector<Change> done;  // to be undone
    std::unordered_map<std::string_view, const Wrapper*> by_name;
};

State& state() {
    static State* all = nullptr;
    if (all) return *all;
    auto made = std::make_unique<State>();
    for (const Wrapper& wrapper : wrappers()) made->by_name.emplace(wrapper.name, &wrapper);
    return *(all = made.release());
}

// libc calls itself not by slots, the runtime must not meet the wrappers, and the sanitizers'
// libraries call from within their own interceptors.
bool never_patched(const std::string& name) {
    for (const char* pattern : {"libc.so*", "libc-*.so", "ld-linux*", "ld-*.so*", "libcoir*",
                                "linux-vdso*", "linux-gate*", "libpthread*", "libdl.so*",
                                "libasan*", "libtsan*", "libubsan*", "liblsan*"}) {
        if (::fnmatch(pattern, name.c_str(), 0) == 0) return true;
    }
    return false;
}

void collect(const Image& image, unsigned categories, std::vector<Change>& changes) {
    image.each_slot([&](const Image::Slot& slot) {
        const auto known = state().by_name.find(slot.symbol);
        if (known == state().by_name.end()) return;
        const Wrapper& wrapper = *known->second;
        if ((wrapper.category & categories) == 0 || *slot.address == wrapper.function) return;
        // A pointer in the library's data may have been changed since it was filled.
        if (!slot.is_call && (wrapper.symbol == Symbol::count_ ||
                              *slot.address != resolve(wrapper.symbol))) {
            return;
        }
        changes.push_back({slot.address, *slot.address, wrapper.function,
                           image.is_read_only(slot.address)});
    });
}

void* page_of(void** slot) noexcept {
    const auto size = static_cast<std::uintptr_t>(::getpagesize());
    return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(slot) / size * size);
}

int protect(const std::vector<Change>& changes, int protection) noexcept {
    void* last = nullptr;
    for (const Change& change : changes) {
        void* const page = page_of(change.slot);
        if (!change.read_only || page == last) continue;
        if (::mprotect(page, static_cast<std::size_t>(::getpagesize()), protection) != 0) return errno;
        last = page;
    }
    return 0;
}

// Other threads may be calling through these slots: each is one word, old or new.
int carry_out(const std::vector<Change>& changes) noexcept {
    if (const int error = protect(changes, PROT_READ | PROT_WRITE)) {
        protect(changes, PROT_READ);
        return error;
    }
    for (const Change& change : changes) {
        __atomic_store_n(change.slot, change.after, __ATOMIC_RELEASE);
    }
    protect(changes, PROT_READ);
    return 0;
}

// A library that was unloaded has taken its slots along: only what is still there, and still ours.
std::vector<Change> still_ours(const std::vector<Change>& done) {
    std::vector<Change> undo;
    for (const Image& image : loaded_images()) {
        image.each_slot([&](const Image::Slot& slot) {
            for (const Change& change : done) {
                if (change.slot != slot.address || *slot.address != change.after) continue;
                undo.push_back({change.slot, change.after, change.before, change.read_only});
                return;
            }
        });
    }
    return undo;
}

}  // namespace
}  // namespace coir_legacy

using namespace coir_legacy;

extern "C" PatchResult coir_legacy_patch(const char* pattern, unsigned categories) {
    PatchResult result{};
    try {
        const std::lock_guard<coir::detail::FutexLock> held(lock);
        std::vector<Change> changes;
        categories = effective(categories);  // what COIR_LEGACY leaves out has no effect
        for (const Image& image : loaded_images()) {
            if (::fnmatch(pattern, image.name().c_str(), 0) != 0) continue;
            if (never_patched(image.name())) {
                ++result.refused;
                continue;
            }
            ++result.libraries;
            collect(image, categories, changes);
        }
        state().done.reserve(state().done.size() + changes.size());
        result.error = carry_out(changes);
        if (result.error != 0) return result;
        enable_optional(categories);
        result.calls = changes.size();
        state().done.insert(state().done.end(), changes.begin(), changes.end());
    } catch (const std::bad_alloc&) {
        result.error = ENOMEM;
    }
    return result;
}

extern "C" int coir_legacy_unpatch() {
    try {
        const std::lock_guard<coir::detail::FutexLock> held(lock);
        const int error = carry_out(still_ours(state().done));
        if (error == 0) state().done.clear();
        return error;
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
}
