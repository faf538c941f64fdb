// SPDX-License-Identifier: BSL-1.0
// Who waits for whom: semantics.md §2.28, rule 62.
#include "seeds.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/as_completed.hpp>
#include <coir/await.hpp>
#include <coir/call_graph.hpp>
#include <coir/event_loop.hpp>
#include <coir/gather.hpp>
#include <coir/run.hpp>
#include <coir/task.hpp>
#include <coir/race.hpp>
#include <coir/task_group.hpp>
#include <coir/timeout.hpp>
#include <coir/wait.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using coir_test::run_on_sim;
using coir_test::sim_options;

namespace {

coir::TaskOptions named(std::string name) {
    coir::TaskOptions options;
    options.name = std::move(name);
    return options;
}

/// "leaf(waiter(its waiter)other)": names only.
std::string outline(const coir::CallGraph& graph) {
    std::string text = graph.task ? graph.task.name() : "future";
    if (graph.awaited_by.empty()) return text;
    text += '(';
    for (const auto& waiter : graph.awaited_by) text += outline(waiter);
    return text + ')';
}

/// What a leaf task, at rest, has above it when `wait_for_leaf` is how a task "user" waits for it.
template <class F>
std::string above_leaf(F wait_for_leaf) {
    return run_on_sim([&] {
        auto gate = coir::create_future<void>();
        auto leaf = coir::create_task(named("leaf"), [gate] { coir::await(gate); });
        auto user = coir::create_task(named("user"), [&] { wait_for_leaf(leaf); });
        coir::sleep(1ms);
        const std::string text = outline(coir::capture_call_graph(leaf));
        gate.set_result();
        coir::await(user);
        // Edges end with the wait.
        CHECK(outline(coir::capture_call_graph(leaf)) == "leaf");
        CHECK(outline(coir::capture_call_graph(gate)) == "future");
        return text;
    });
}

[[gnu::noinline]] void wait_deep_down(const coir::Future<void>& gate) {
    coir::await(gate);
    __asm__ volatile("");  // no tail call
}

}  // namespace

TEST_CASE("rule 329: frames lead to the task's entry, and awaited_by all the way up") {
    run_on_sim([] {
        auto gate = coir::create_future<void>();
        auto leaf = coir::create_task(named("leaf"), [gate] { wait_deep_down(gate); });
        auto middle = coir::create_task(named("middle"), [&] { coir::await(leaf); });
        auto top = coir::create_task(named("top"), [&] { coir::await(middle); });
        auto other = coir::create_task(named("other"), [&] { coir::await(leaf); });
        coir::sleep(1ms);
        const coir::CallGraph graph = coir::capture_call_graph(leaf);
        CHECK(outline(graph) == "leaf(middle(top)other)");
        CHECK(graph.task == leaf.ref());
        CHECK_FALSE(graph.frames.empty());
        for (const auto& waiter : graph.awaited_by) CHECK_FALSE(waiter.frames.empty());
        // The frames end before the runtime's own; what runs a task is at most a few deep.
        const std::string text = coir::format_call_graph(graph);
        INFO(text);
        CHECK(text.find("* task 'leaf'") == 0);
        CHECK(text.find("waits: a future") != std::string::npos);
        CHECK(text.find("fiber_main") == std::string::npos);
        CHECK(text.find("+ awaited by:\n    * task 'middle'") != std::string::npos);
        CHECK(text.find("\n        * task 'top'") != std::string::npos);
        std::ostringstream printed;
        coir::print_call_graph(printed, leaf.ref());
        CHECK(printed.str() == text);
        gate.set_result();
        coir::await(top);
        coir::await(other);
    });
}

TEST_CASE("rule 329: the running task's own graph") {
    run_on_sim([] {
        auto inner = coir::create_task(named("inner"), [] {
            const auto graph = coir::capture_call_graph();
            REQUIRE(graph);
            CHECK_FALSE(graph->frames.empty());
            std::ostringstream printed;
            coir::print_call_graph(printed);
            CHECK(printed.str().find("task 'inner'") != std::string::npos);
            CHECK(printed.str().find("task 'main'") != std::string::npos);
            return outline(*graph);
        });
        CHECK(coir::await(inner) == "inner(main)");
    });
}

TEST_CASE("rule 330: a future lists all who await it") {
    run_on_sim([] {
        auto gate = coir::create_future<void>();
        auto a = coir::create_task(named("a"), [gate] { coir::await(gate); });
        auto b = coir::create_task(named("b"), [gate] { coir::await(gate); });
        auto c = coir::create_task(named("c"), [&] { coir::await(b); });
        coir::sleep(1ms);
        const coir::CallGraph graph = coir::capture_call_graph(gate);
        CHECK(outline(graph) == "future(ab(c))");
        CHECK(graph.frames.empty());
        CHECK(coir::format_call_graph(graph).find("* a future\n") == 0);
        gate.set_result();
        coir::gather(a, b, c);
    });
}

TEST_CASE("rule 331: gather, shield, wait_for and task groups keep the edge to the user's task") {
    using Leaf = coir::Task<void>;
    CHECK(above_leaf([](Leaf& leaf) { coir::gather(leaf, [] { coir::sleep(2ms); }); }) ==
          "leaf(user)");
    CHECK(above_leaf([](Leaf& leaf) { coir::await(coir::shield(leaf)); }) == "leaf(user)");
    CHECK(above_leaf([](Leaf& leaf) { coir::wait_for(leaf, 1h); }) == "leaf(user)");
    CHECK(above_leaf([](Leaf& leaf) { coir::with_timeout(1h, [&] { coir::await(leaf); }); }) ==
          "leaf(user)");
    CHECK(above_leaf([](Leaf& leaf) { coir::wait_for(coir::shield(leaf), 1h); }) == "leaf(user)");
    CHECK(above_leaf([](Leaf& leaf) { coir::wait(std::vector<Leaf>{leaf}); }) == "leaf(user)");
    CHECK(above_leaf([](Leaf& leaf) { coir::race(leaf, [] { coir::sleep(1h); }); }) == "leaf(user)");
    CHECK(above_leaf([](Leaf& leaf) {
              for (auto& done : coir::as_completed(std::vector<Leaf>{leaf})) coir::await(done);
          }) == "leaf(user)");
    CHECK(above_leaf([](Leaf& leaf) {
              coir::with_task_group([&](coir::TaskGroup& group) {
                  group.create_task(named("child"), [&] { coir::await(leaf); });
              });
          }) == "leaf(child(user))");
    // The group's task joins its children also while it does something else.
    CHECK(above_leaf([](Leaf& leaf) {
              coir::with_task_group([&](coir::TaskGroup& group) {
                  group.create_task(named("child"), [&] { coir::await(leaf); });
                  coir::await(leaf);
              });
          }) == "leaf(userchild(user))");
}

TEST_CASE("rule 332: nothing in a callback, an error without a loop or on another thread's") {
    CHECK_THROWS_AS(coir::capture_call_graph(), std::logic_error);
    run_on_sim([] {
        std::optional<coir::CallGraph> graph = coir::CallGraph();
        std::string printed = "?";
        coir::get_running_loop().call_soon([&] {
            graph = coir::capture_call_graph();
            std::ostringstream out;
            coir::print_call_graph(out);
            printed = out.str();
        });
        coir::sleep(1ms);
        CHECK_FALSE(graph);
        CHECK(printed.empty());
        auto task = coir::create_task([] { coir::sleep(1ms); });
        bool refused = false;
        std::thread([&] {
            try {
                static_cast<void>(coir::capture_call_graph(task));
            } catch (const coir::WrongThreadError&) {
                refused = true;
            }
        }).join();
        CHECK(refused);
        CHECK_THROWS_AS(coir::capture_call_graph(coir::TaskRef()), coir::InvalidStateError);
        coir::await(task);
        CHECK(coir::capture_call_graph(task).frames.empty());
    });
}

TEST_CASE("rule 62: print_stack shows who awaits the task, and nothing of a stack that is gone") {
    run_on_sim([] {
        auto leaf = coir::create_task(named("leaf"), [] { coir::sleep(1s); });
        auto user = coir::create_task(named("user"), [&] { coir::await(leaf); });
        const auto printed = [](const auto& task) {
            std::ostringstream out;
            task.print_stack(out);
            return out.str();
        };
        CHECK(printed(leaf).find("not started") != std::string::npos);
        coir::sleep(1ms);
        const std::string text = printed(leaf);
        INFO(text);
        CHECK(text.find("task 'leaf'") == 0);
        CHECK(text.find("waits: sleep") != std::string::npos);
        CHECK(text.find("created at 0x") != std::string::npos);
        CHECK(text.find("awaited by:\n    * task 'user'") != std::string::npos);
        coir::await(user);
        const std::string ended = printed(leaf);
        CHECK(ended.find(": done\n  created at 0x") != std::string::npos);
        CHECK(ended.find("awaited by") == std::string::npos);
        CHECK(std::count(ended.begin(), ended.end(), '\n') == 2);
    });
}
