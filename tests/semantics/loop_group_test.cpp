// SPDX-License-Identifier: BSL-1.0
// Several loops on threads of their own: semantics.md rules 251, 347, decisions D19, D20; api.md
// section 6.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/loop_group.hpp>
#include <coir/net.hpp>
#include <coir/thread.hpp>
#include <coir/timeout.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>

using namespace std::chrono_literals;
using coir_test::run_in_loop;

namespace {

void wait_for_ever() { coir::await(coir::create_future<void>()); }

void echo(coir::Stream& stream) {
    while (auto line = stream.readline()) stream.write(*line);
}

}  // namespace

TEST_CASE("D20, rule 251: the tasks of a group run on its loops, and their results come back") {
    coir::LoopGroup group(3, coir_test::options());
    CHECK(group.size() == 3);
    CHECK_THROWS_AS(group.loop(3), std::out_of_range);
    std::set<std::thread::id> ids;
    for (auto& future : group.on_each([] { return std::this_thread::get_id(); })) {
        ids.insert(future.get());
    }
    CHECK(ids.size() == 3);
    CHECK(ids.count(std::this_thread::get_id()) == 0);
    std::size_t expected = 0;
    for (auto& future : group.on_each([](std::size_t index) { return index; })) {
        CHECK(future.get() == expected++);
    }
    CHECK(*group.create_task([p = std::make_unique<int>(3)] { return std::make_unique<int>(*p); })
               .get() == 3);
    CHECK_THROWS_WITH(group.create_task([] { throw std::range_error("there"); }).get(), "there");
    // Signals are for the program's own threads, but for faults.
    CHECK(group.create_task([] {
                   sigset_t mask;
                   ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                   return ::sigismember(&mask, SIGINT) == 1 && ::sigismember(&mask, SIGSEGV) == 0;
               }).get());
    run_in_loop([&] { CHECK(coir::await(group.create_task([] { return 7; })) == 7); });
}

TEST_CASE("api.md: a task goes to the least loaded loop") {
    coir::LoopGroup group(2, coir_test::options());
    std::vector<std::thread::id> ids(2);
    for (std::size_t i = 0; auto& future : group.on_each([] { return std::this_thread::get_id(); })) {
        ids[i++] = future.get();
    }
    // Ties take turns, so this finds out where the long one is.
    std::latch begun(1);
    std::thread::id busy;
    auto endless = group.create_task([&] {
        busy = std::this_thread::get_id();
        begun.count_down();
        wait_for_ever();
    });
    begun.wait();
    for (int i = 0; i < 10; ++i) {
        CHECK(group.create_task([] { return std::this_thread::get_id(); }).get() != busy);
    }
    std::vector<coir::ThreadFuture<void>> more;
    for (int i = 0; i < 3; ++i) more.push_back(group.create_task(&wait_for_ever));
    // Two and two by now.
    endless.cancel();
    endless.wait();
    CHECK(group.create_task([] { return std::this_thread::get_id(); }).get() == busy);
    for (auto& future : more) future.cancel();
}

TEST_CASE("api.md: tasks of a group's loops await one another") {
    coir::LoopGroup group(2, coir_test::options());
    std::vector<coir::ThreadFuture<int>> sums;
    for (int i = 0; i < 4; ++i) {
        sums.push_back(group.create_task([&group] {
            int sum = 0;
            for (int k = 0; k < 50; ++k) {
                auto part = group.create_task([k] {
                    coir::yield_now();
                    return k;
                });
                sum += coir::await(part);
            }
            return sum;
        }));
    }
    for (auto& sum : sums) CHECK(sum.get() == 1225);
}

TEST_CASE("api.md: the end of a group cancels and joins what there is") {
    std::atomic<int> unwound{0};
    struct Witness {
        std::atomic<int>& count;
        ~Witness() { ++count; }
    };
    coir::ThreadFuture<void> kept;
    {
        coir::LoopGroup group(2, coir_test::options());
        std::latch begun(4);
        for (int i = 0; i < 4; ++i) {
            kept = group.create_task([&] {
                const Witness witness{unwound};
                begun.count_down();
                wait_for_ever();
            });
        }
        begun.wait();
        CHECK_THROWS_AS(group.create_task([&] { group.shutdown(); }).get(), std::logic_error);
        group.shutdown();
        group.shutdown();
        CHECK(unwound == 4);
        CHECK(group.loop(1).is_closed());
        CHECK_THROWS_AS(group.create_task([] {}), coir::InvalidStateError);
        CHECK_THROWS_AS(group.on_each([] {}), std::logic_error);
    }
    CHECK_THROWS_AS(kept.get(), coir::TaskCancelledError);
    {
        const coir::LoopGroup at_once(4, coir_test::options());
    }
    // From a task, which goes on meanwhile to be one.
    run_in_loop([] {
        coir::LoopGroup group(2, coir_test::options());
        auto endless = group.create_task(&wait_for_ever);
        group.shutdown();
        CHECK(endless.done());
    });
}

TEST_CASE("api.md: a group that cannot be made says why") {
    CHECK_THROWS_AS(coir::LoopGroup(2000), std::invalid_argument);
    coir::RunOptions options;
    options.reactor = "no such reactor";
    CHECK_THROWS_AS(coir::LoopGroup(2, options), std::invalid_argument);
    const coir::LoopGroup group(0, coir_test::options());
    CHECK(group.size() >= 1);
}

TEST_CASE("api.md: what ends a loop's thread is reported, and thrown at the end of the group") {
    coir_test::LogCapture log;
    coir::RunOptions options = coir_test::options();
    options.on_deadlock = coir::OnDeadlock::fail;
    coir::LoopGroup group(1, options);
    auto future = group.create_task(&wait_for_ever);
    future.wait();  // the loop finds out, and cancels it
    CHECK_THROWS_AS(future.get(), coir::TaskCancelledError);
    CHECK_THROWS_AS(group.create_task([] {}), coir::DeadlockError);  // the loop's own
    CHECK_THROWS_AS(group.shutdown(), coir::DeadlockError);
    CHECK(log.contains("a loop of a group has failed"));
    group.shutdown();  // once
}

TEST_CASE("B69: api.md: a group's server answers on every loop at one port") {
    const coir_test::FdCount descriptors;
    coir::LoopGroup group(2, coir_test::options());
    {
        coir::GroupServer server = group.start_server(echo, "127.0.0.1", 0);
        CHECK(server.port() > 0);
        run_in_loop([&] {
            std::vector<coir::Stream> clients;
            for (int i = 0; i < 16; ++i) {
                clients.push_back(coir::open_connection("127.0.0.1", server.port()));
                clients.back().write("hello\n");
                CHECK(clients.back().readline() == "hello\n");
            }
            CHECK(server.connections() == 16);
            // The end of the server is the end of its handlers.
            server.shutdown(0s);
            CHECK(server.connections() == 0);
            CHECK_THROWS_AS(coir::open_connection("127.0.0.1", server.port()), coir::IoError);
            for (auto& client : clients) client.abort();
        });
    }
    // In a loop's own task, and closed by the destructor.
    group.create_task([&] {
             coir::GroupServer server = group.start_server(&echo, "127.0.0.1", 0);
             coir::Stream client = coir::open_connection("127.0.0.1", server.port());
             client.write("from inside\n");
             static_cast<void>(client.readline());
         }).get();
    // Closed with the group.
    coir::GroupServer last = group.start_server(&echo, "127.0.0.1", 0);
    group.shutdown();
    CHECK_THROWS_AS(group.start_server(&echo, "127.0.0.1", 0), std::logic_error);
}

TEST_CASE("api.md: a group's server serves until it is closed or the task is cancelled") {
    run_in_loop([] {
        coir::LoopGroup group(2, coir_test::options());
        coir::GroupServer server = group.start_server(&echo, "127.0.0.1", 0);
        auto serving = coir::create_task([&] { server.serve_forever(); });
        coir::Stream client = coir::open_connection("127.0.0.1", server.port());
        client.write("x\n");
        CHECK(client.readline() == "x\n");
        serving.cancel();
        CHECK_THROWS_AS(coir::await(serving), coir::TaskCancelledError);
        CHECK(server.connections() == 0);
        coir::GroupServer other = group.start_server(&echo, "127.0.0.1", 0);
        auto until_closed = coir::create_task([&] { other.serve_forever(); });
        client = coir::open_connection("127.0.0.1", other.port());
        other.close();
        coir::await(until_closed);
        CHECK_THROWS_AS(coir::GroupServer().serve_forever(), coir::InvalidStateError);
        CHECK_THROWS_AS(group.start_server(&echo, "127.0.0.1", 70000), std::invalid_argument);
    });
}
