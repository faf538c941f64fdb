// SPDX-License-Identifier: BSL-1.0
// Stacks: guards, their fallback, reuse, refusal, and the report of an overflow.
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/environment.hpp"
#include "support/run.hpp"

#include "runtime/stack.hpp"

#include <coir/coir.hpp>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <csignal>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using coir_test::Ended;
using coir_test::in_child;
using coir::StackGuard;
using coir::detail::StackClass;
using coir::detail::StackPool;
using coir::detail::StackSlot;

namespace {

/// A system that refuses some calls.
class Refusing : public coir::detail::Sys {
public:
    std::vector<long> refused;
    long guard_advice_refused = 0;
    long mprotects_left = -1;  // -1: any number
    bool pages_are_locked = false;
    long call(long number, long a, long b, long c, long d, long e, long f) noexcept override {
        for (long one : refused) {
            if (one == number) return -ENOMEM;
        }
        if (number == SYS_madvise && c == 102 && guard_advice_refused != 0) return -EINVAL;
        if (number == SYS_madvise && c == MADV_DONTNEED && pages_are_locked) return -EINVAL;
        if (number == SYS_mprotect && mprotects_left >= 0) {
            if (mprotects_left == 0) return -ENOMEM;
            --mprotects_left;
        }
        return Sys::call(number, a, b, c, d, e, f);
    }
};

[[gnu::noinline]] int eat_stack(volatile char* above, int depth) {
    volatile char frame[1024];
    frame[0] = above ? above[0] : '\0';
    if (depth == 0) return frame[0];
    return eat_stack(frame, depth - 1) + frame[0];
}

bool can_write(const void* address) {
    // A write through the kernel says EFAULT where a store would be a SIGSEGV.
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    char byte = 0;
    REQUIRE(::write(ends[1], &byte, 1) == 1);
    const bool written = ::read(ends[0], const_cast<void*>(address), 1) == 1;
    ::close(ends[0]);
    ::close(ends[1]);
    return written;
}

}  // namespace

TEST_CASE("every stack has a guard: S1") {
    for (const bool fallback : {false, true}) {
        Refusing sys;
        sys.guard_advice_refused = fallback;
        if (fallback) sys.refused = {SYS_process_madvise};
        StackPool pool(sys, StackGuard::required);
        CHECK((std::string(pool.guard_method()) == "mprotect") >= fallback);
        for (const std::size_t size : {16u << 10, 64u << 10, 256u << 10, 1u << 20}) {
            StackClass& stacks = pool.class_for(size);
            std::vector<StackSlot*> taken;
            for (int i = 0; i < 40; ++i) {
                stacks.reserve();
                taken.push_back(&stacks.take());
            }
            for (StackSlot* slot : taken) {
                const char* lowest = slot->slab->guard_of(slot->index);
                const std::size_t guard = size >= (256u << 10) ? 64u << 10 : 4096;
                CHECK(slot->bottom() == lowest + guard);
                CHECK_FALSE(can_write(lowest));
                CHECK_FALSE(can_write(lowest + guard - 1));
                CHECK(can_write(slot->bottom()));
                CHECK(can_write(slot->top() - 1));
                stacks.put(*slot);
            }
        }
    }
}

TEST_CASE("B15: at the limit on mappings a stack is refused, or runs unguarded when that is asked for") {
    Refusing sys;
    sys.guard_advice_refused = 1;
    sys.refused = {SYS_process_madvise};
    sys.mprotects_left = 20;
    {
        StackPool pool(sys, StackGuard::required);
        StackClass& stacks = pool.class_for(64 << 10);
        int made = 0;
        try {
            for (; made < 100; ++made) stacks.reserve();
        } catch (const coir::StackAllocError& error) {
            CHECK(std::string(error.what()).find("vm.max_map_count") != std::string::npos);
        }
        CHECK(made == 20);
        // Nothing is disturbed: what is given back can be had again.
        StackSlot& slot = stacks.take();
        stacks.put(slot);
        stacks.reserve();
    }
    coir_test::LogCapture log;
    StackPool pool(sys, StackGuard::optional);
    StackClass& stacks = pool.class_for(64 << 10);
    for (int i = 0; i < 100; ++i) stacks.reserve();
    CHECK(log.count("no guard page") == 1);
}

TEST_CASE("S4: a wiped stack is zero, also where the kernel keeps its pages") {
    for (const bool locked : {false, true}) {
        Refusing sys;
        sys.pages_are_locked = locked;
        StackPool pool(sys, StackGuard::required, true);
        StackClass& stacks = pool.class_for(64 << 10);
        stacks.reserve();
        StackSlot& slot = stacks.take();
        char* const top = slot.top();
        std::memset(top - 10'000, 'x', 10'000);
        stacks.put(slot);
        stacks.reserve();
        REQUIRE(&stacks.take() == &slot);
        CHECK(std::string(top - 10'000, 10'000) == std::string(10'000, '\0'));
        stacks.put(slot);
    }
}

TEST_CASE("B16: a task that cannot get a stack is refused by create_task, and nothing else happens") {
    if (coir_test::on_valgrind()) COIR_SKIP("valgrind");
    if (COIR_ASAN || COIR_TSAN) COIR_SKIP("a sanitizer's own mappings do not fit such a limit");
    const Ended ended = in_child([] {
        rlimit limit{700u << 20, 700u << 20};
        ::setrlimit(RLIMIT_AS, &limit);
        int failures = 0;
        coir::run([&] {
            std::vector<coir::Task<void>> tasks;
            coir::Event go;
            try {
                for (;;) tasks.push_back(coir::create_task([&go] { go.wait(); }));
            } catch (const coir::StackAllocError&) {
                ++failures;
            }
            coir::yield_now();
            go.set();
            for (auto& task : tasks) coir::await(task);
            if (tasks.size() < 100) ::_exit(3);
            tasks.clear();
            coir::await(coir::create_task([] {}));  // works again
        });
        ::_exit(failures == 1 ? 0 : 2);
    });
    CHECK(ended.status == 0);
}

TEST_CASE("D30: stack sizes are checked") {
    StackPool pool(coir::detail::real_sys(), StackGuard::required);
    CHECK_THROWS_AS(pool.class_for(0), std::invalid_argument);
    CHECK_THROWS_AS(pool.class_for(16383), std::invalid_argument);
    CHECK_THROWS_AS(pool.class_for(std::size_t{1} << 40), std::invalid_argument);
    CHECK(pool.class_for(16384).stack_size() == 16384);
    CHECK(pool.class_for(100'000).stack_size() == 131'072);
}

TEST_CASE("D30: mappings are per slab, not per stack") {
    StackPool pool(coir::detail::real_sys(), StackGuard::required);
    if (std::string(pool.guard_method()) != "MADV_GUARD_INSTALL") return;
    StackClass& stacks = pool.class_for(64 << 10);
    const std::size_t count = COIR_TSAN ? 2'000 : 20'000;  // ThreadSanitizer ends at 8,128 fibers
    for (std::size_t i = 0; i < count; ++i) stacks.reserve();
    CHECK(pool.mappings() < 20);
    CHECK(pool.stacks() >= count);
}

TEST_CASE("idle stacks give their pages back, and work again") {
    coir_test::run_in_loop([] {
        for (int round = 0; round < 3; ++round) {
            std::vector<coir::Task<int>> tasks;
            for (int i = 0; i < 300; ++i) {
                tasks.push_back(coir::create_task([] {
                    coir::yield_now();
                    return eat_stack(nullptr, 20);
                }));
            }
            for (auto& task : tasks) CHECK(coir::await(task) == 0);
            coir::sleep(std::chrono::milliseconds(2100));  // virtual on sim; trims while idle
        }
    }, coir_test::sim_options());
}

#if !COIR_ASAN && !COIR_TSAN
namespace {

std::size_t resident_pages() {
    std::size_t size = 0;
    std::size_t resident = 0;
    std::ifstream("/proc/self/statm") >> size >> resident;
    return resident;
}

}  // namespace

TEST_CASE("the pages of thousands of stacks are given back within a few idle seconds") {
    if (coir_test::on_valgrind()) COIR_SKIP("valgrind");
    coir_test::run_in_loop([] {
        constexpr std::size_t count = 5000;
        const std::size_t before = resident_pages();
        std::size_t most = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (std::size_t i = 0; i < count; ++i) group.create_task([] { coir::yield_now(); });
            coir::yield_now();
            most = resident_pages();
        });
        CHECK(most >= before + count);
        // The peak is forgotten after a second, and the pages go in the next.
        coir::sleep(std::chrono::seconds(4));  // virtual
        CHECK(resident_pages() < before + count / 4);
    }, coir_test::sim_options());
}

TEST_CASE("D30, B13: an overflow names the task, its creator and its stack size, and dies by SIGSEGV") {
    for (const std::size_t size : {std::size_t{16} << 10, std::size_t{64} << 10,
                                   std::size_t{256} << 10, std::size_t{1} << 20}) {
        const Ended ended = in_child([size] {
            coir::run([size] {
                coir::TaskOptions options;
                options.name = "deep thought";
                options.stack_size = size;
                coir::await(coir::create_task(options, [] { return eat_stack(nullptr, 1'000'000); }));
            });
        });
        INFO(ended.errors);
        CHECK(WIFSIGNALED(ended.status));
        CHECK(WTERMSIG(ended.status) == SIGSEGV);
        CHECK(ended.errors.find("stack overflow in task 'deep thought'") != std::string::npos);
        CHECK(ended.errors.find(std::to_string(size) + " bytes") != std::string::npos);
        CHECK(ended.errors.find("created at 0x") != std::string::npos);
    }
}

TEST_CASE("B13: the main task's overflow is reported too; other faults are not") {
    const Ended overflow = in_child([] {
        coir::run([] { return eat_stack(nullptr, 1'000'000'000); });
    });
    CHECK(WTERMSIG(overflow.status) == SIGSEGV);
    CHECK(overflow.errors.find("stack overflow in task 'main'") != std::string::npos);

    const Ended other = in_child([] {
        static volatile std::uintptr_t nowhere = 8;
        coir::run([] { *reinterpret_cast<volatile int*>(nowhere) = 1; });
    });
    CHECK(WTERMSIG(other.status) == SIGSEGV);
    CHECK(other.errors.find("stack overflow") == std::string::npos);
}
#endif
