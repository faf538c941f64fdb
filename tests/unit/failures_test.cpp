// SPDX-License-Identifier: BSL-1.0
// When memory is refused, or the reactor fails: what goes on all the same, and what is not lost.
//
// This program's operator new can be told to refuse. Exceptions are not allocated with it.
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/event_loop.hpp>
#include <coir/future.hpp>
#include <coir/loop_group.hpp>
#include <coir/queue.hpp>
#include <coir/reactor.hpp>
#include <coir/run.hpp>
#include <coir/sync.hpp>
#include <coir/task_group.hpp>
#include <coir/thread.hpp>
#include <coir/timeout.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using coir_test::run_in_loop;
using coir_test::run_on_sim;

namespace {

thread_local bool refuse_memory = false;
thread_local std::size_t allocations = 0;

void* try_allocate(std::size_t size) noexcept {
    ++allocations;
    return refuse_memory ? nullptr : std::malloc(size != 0 ? size : 1);
}
void* allocate(std::size_t size) {
    void* memory = try_allocate(size);
    if (!memory) throw std::bad_alloc();
    return memory;
}

// Longer than a std::string keeps in itself.
std::string long_reason() { return std::string(200, 'r'); }

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
// What this replaces in part only, a sanitizer would complete with its own.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return try_allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return try_allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

TEST_CASE("B85: no memory: a cancellation arrives, though without its reason") {
    if (coir_test::on_valgrind()) COIR_SKIP("valgrind");
    run_on_sim([] {
        std::vector<std::string> seen;
        seen.reserve(10);
        const auto note = [&](auto wait) {
            try {
                wait();
            } catch (const coir::CancelledError& cancelled) {
                refuse_memory = false;
                seen.push_back(cancelled.message());
                throw;
            }
        };
        auto future = coir::create_future<int>();
        auto inner = coir::create_task([&] { note([&] { coir::await(future); }); });
        auto outer = coir::create_task([&] { note([&] { coir::await(inner); }); });
        auto sleeper = coir::create_task([&] { note([] { coir::sleep(1h); }); });
        coir::yield_now();
        std::string reason = long_reason();
        std::string again = long_reason();
        refuse_memory = true;
        outer.cancel(std::move(reason));
        sleeper.cancel(std::move(again));
        const bool cancelled = future.cancelled();
        coir::yield_now();
        refuse_memory = false;
        CHECK(cancelled);
        CHECK_THROWS_AS(coir::await(outer), coir::TaskCancelledError);
        CHECK_THROWS_AS(coir::await(sleeper), coir::TaskCancelledError);
        CHECK(inner.cancelled());
        CHECK(seen == std::vector<std::string>(3));
    });
}

TEST_CASE("no memory: a task ends cancelled, though without its reason") {
    run_on_sim([] {
        auto task = coir::create_task([] {
            try {
                coir::sleep(1h);
            } catch (const coir::CancelledError&) {
                refuse_memory = true;
                throw;
            }
        });
        task.add_done_callback([] { refuse_memory = false; });
        coir::yield_now();
        task.cancel(long_reason());
        CHECK_THROWS_AS(coir::await(task), coir::TaskCancelledError);
        CHECK(task.cancelled());
    });
}

TEST_CASE("no memory: callbacks that throw do not end the loop") {
    coir_test::LogCapture log;
    run_on_sim([] {
        auto& loop = coir::get_running_loop();
        loop.set_exception_handler(nullptr);
        auto future = coir::create_future<void>();
        future.add_done_callback([] { throw 7; });
        loop.call_soon([] {
            refuse_memory = true;
            throw 8;
        });
        future.set_result();
        bool went_on = false;
        loop.call_soon([&] {
            refuse_memory = false;
            went_on = true;
        });
        coir::yield_now();
        CHECK(went_on);
    });
}

TEST_CASE("no memory: to_thread makes do with the threads that there are") {
    coir::RunOptions options = coir_test::options();
    options.max_threads = 2;
    run_in_loop(
        [] {
            std::atomic<bool> entered{false};
            std::atomic<bool> go_on{false};
            auto first = coir::create_task([&] {
                coir::to_thread([&] {
                    entered = true;
                    while (!go_on) std::this_thread::sleep_for(100us);
                });
            });
            while (!entered) coir::sleep(100us);
            auto second = coir::create_task([] {
                refuse_memory = true;  // for the second thread
                return coir::to_thread([] { return 5; });
            });
            coir::yield_now();
            refuse_memory = false;
            go_on = true;
            CHECK(coir::await(second) == 5);
            coir::await(first);
        },
        options);
}

TEST_CASE("B85: no memory: a get has its item all the same, and no putter loses its own") {
    run_on_sim([] {
        struct Item {
            explicit Item(int v) : value(v) {}
            Item(Item&& other) : value(other.value) {
                if (refuse_memory && value == 2) throw std::bad_alloc();  // the putter's
            }
            int value;
        };
        coir::Queue<Item> queue(1);
        queue.put_nowait(Item(1));
        auto putter = coir::create_task([&] { queue.put(Item(2)); });
        coir::yield_now();
        refuse_memory = true;
        const std::optional<Item> first = queue.try_get();
        const bool nobody_overtakes = !queue.try_put(Item(3));
        bool failed = false;
        try {
            static_cast<void>(queue.try_get());  // from the putter itself now
        } catch (const std::bad_alloc&) {
            failed = true;
        }
        refuse_memory = false;
        CHECK(first.value().value == 1);
        CHECK(nobody_overtakes);
        CHECK(failed);
        coir::yield_now();
        CHECK_FALSE(putter.done());
        CHECK(queue.get().value == 2);
        coir::await(putter);
        CHECK(queue.empty());
    });
}

TEST_CASE("a child of a task group costs no allocation of the group's") {
    run_on_sim([] {
        std::size_t made = 0;
        for (int round = 0; round < 2; ++round) {  // in the first one the pools fill
            coir::with_task_group([&](coir::TaskGroup& group) {
                const std::size_t before = allocations;
                for (int i = 0; i < 1000; ++i) group.create_task([] { coir::yield_now(); });
                made = allocations - before;
            });
        }
        CHECK(made < 20);
    });
}

namespace {

std::atomic<bool> reactor_fails{false};

// Knows nothing but time.
class Clock final : public coir::Reactor {
public:
    std::string_view name() const noexcept override { return "clock"; }
    void submit(coir::Operation&) noexcept override { std::abort(); }
    void cancel(coir::Operation&) noexcept override {}
    coir::WaitResult wait(coir::TimePoint deadline, coir::CompletionList&) noexcept override {
        if (reactor_fails) return {0, false, -EIO};
        if (deadline > coir::TimePoint::clock::now()) std::this_thread::sleep_for(100us);
        return {};
    }
    void wake() noexcept override {}
};

}  // namespace

TEST_CASE("a reactor that fails while a loop is closed leaves it as it was, to be closed again") {
    coir::register_reactor({"clock", -1, [] { return coir::Verdict{true, "", ""}; },
                            [](const coir::ReactorOptions&) -> std::unique_ptr<coir::Reactor> {
                                return std::make_unique<Clock>();
                            }});
    coir::RunOptions options;
    options.reactor = "clock";
    coir::EventLoop loop(options);
    bool cleaned_up = false;
    auto task = loop.create_task([&] {
        try {
            coir::sleep(1h);
        } catch (const coir::CancelledError&) {
            coir::no_cancel([] { coir::sleep(1ms); });
            cleaned_up = true;
            throw;
        }
    });
    loop.run_once(coir::RunMode::no_wait);
    reactor_fails = true;
    CHECK_THROWS_AS(loop.close(), coir::IoError);
    CHECK_FALSE(loop.is_closed());
    CHECK(loop.metrics().timers == 0);  // its limit is not left behind
    reactor_fails = false;
    loop.close();
    CHECK(loop.is_closed());
    CHECK(task.cancelled());
    CHECK(cleaned_up);
}

TEST_CASE("D23: what need not wait, in locks, queues and channels, does not allocate") {
    run_on_sim([] {
        coir::Lock lock;
        coir::Event event;
        coir::Semaphore semaphore(3);
        coir::SharedLock shared;
        coir::Barrier barrier(1);
        coir::Queue<int> queue(8);
        coir::LifoQueue<int> stack(8);
        coir::PriorityQueue<int> heap(8);
        coir::Channel<int> channel(8);
        coir::Lazy<int> lazy([] { return 1; });
        std::size_t made = 0;
        for (int round = 0; round < 2; ++round) {  // in the first one they grow; few, for the loop has its own at times
            const std::size_t before = allocations;
            for (int i = 0; i < 100; ++i) {
                { std::scoped_lock hold(lock, semaphore, shared); }
                { std::shared_lock hold(shared); }
                event.set();
                event.wait();
                barrier.wait();
                for (int item = 0; item < 5; ++item) {
                    queue.put(item);
                    stack.put(item);
                    heap.put(-item);
                    channel.send(item);
                }
                for (int item = 0; item < 5; ++item) {
                    queue.get();
                    stack.get();
                    heap.get();
                    coir::select(coir::case_receive(channel, [](std::optional<int>) {}),
                                 coir::case_default([] {}));
                }
                lazy.get();
            }
            made = allocations - before;
        }
        CHECK(made == 0);
    });
}

TEST_CASE("no memory: tasks that wait for locks and channels are served and cancelled all the same") {
    run_on_sim([] {
        coir::Lock lock;
        coir::Condition condition;
        coir::Channel<int> channel;
        coir::SharedLock shared;
        coir::Barrier barrier(2);
        shared.lock_shared();
        int served = 0;
        auto waiter = coir::create_task([&] {
            std::unique_lock hold(lock);
            condition.wait(hold);
            ++served;
        });
        auto party = coir::create_task([&] {
            barrier.wait();
            ++served;
        });
        auto selector = coir::create_task([&] {
            coir::select(coir::case_receive(channel, [&](std::optional<int>) { ++served; }),
                         coir::case_send(channel, 1, [] {}));
        });
        auto writer = coir::create_task([&] { shared.lock(); });
        auto reader = coir::create_task([&] {
            shared.lock_shared();
            ++served;
        });
        coir::yield_now();
        const std::size_t before = allocations;
        refuse_memory = true;
        lock.lock();
        condition.notify_all();
        lock.unlock();
        barrier.wait();
        channel.send(5);
        writer.cancel();
        for (int i = 0; i < 3; ++i) coir::yield_now();
        refuse_memory = false;
        CHECK(allocations == before);
        CHECK(served == 4);
        CHECK(writer.cancelled());
        for (auto* task : {&waiter, &party, &selector, &reader}) coir::await(*task);
    });
}

TEST_CASE("no memory: a promise that is dropped wakes who waits, though with bad_alloc") {
    run_on_sim([] {
        auto promise = std::make_unique<coir::Promise<int>>();
        auto future = promise->get_future();
        auto waiter = coir::create_task([&] { return coir::await(future); });
        coir::yield_now();
        refuse_memory = true;
        promise.reset();
        refuse_memory = false;
        try {
            coir::await(waiter);
            CHECK(false);
        } catch (const coir::BrokenPromise&) {
        } catch (const std::bad_alloc&) {
        }
    });
}

TEST_CASE("no memory: a loop closes all the same, and a line is logged") {
    if (COIR_ASAN || COIR_TSAN) COIR_SKIP("sanitizers need memory for each run of a loop");
    coir::EventLoop loop(coir_test::options());
    bool cleaned_up = false;
    auto task = loop.create_task([&] {
        struct Clean {
            bool& done;
            ~Clean() { done = true; }
        } clean{cleaned_up};
        coir::sleep(1h);
    });
    loop.run_once(coir::RunMode::no_wait);
    refuse_memory = true;
    loop.close();
    refuse_memory = false;
    CHECK(cleaned_up);
    CHECK(task.cancelled());
}

TEST_CASE("no memory: a loop group is shut down all the same") {
    coir::LoopGroup group(2, coir_test::options());
    refuse_memory = true;
    group.shutdown();
    refuse_memory = false;
    CHECK_THROWS_AS(group.create_task([] {}), coir::InvalidStateError);
}

TEST_CASE("a loop whose reactor has failed for good can be destroyed, with tasks that wait") {
    coir_test::LogCapture log;
    coir::RunOptions options;
    options.reactor = "clock";
    reactor_fails = false;
    {
        coir::EventLoop loop(options);
        loop.create_task([] { coir::sleep(1h); }).set_name("left behind");
        loop.run_once(coir::RunMode::no_wait);
        reactor_fails = true;
        CHECK_THROWS_AS(loop.close(), coir::IoError);
    }
    reactor_fails = false;
    CHECK(log.contains("closing a loop failed"));
}
