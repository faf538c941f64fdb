// SPDX-License-Identifier: BSL-1.0
// The debug table, read as another process would: found by its ELF section, every byte fetched by
// address, no knowledge of the library's classes.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/await.hpp>
#include <coir/detail/debug_table.hpp>
#include <coir/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <elf.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

using namespace std::chrono_literals;
using coir::detail::DebugTable;
using coir_test::run_on_sim;
using Address = std::uintptr_t;

namespace {

// Fetches memory by address; a bad address fails the test instead of crashing it.
void fetch(Address from, void* to, std::size_t size) {
    iovec local{to, size};
    iovec remote{reinterpret_cast<void*>(from), size};
    REQUIRE(::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) ==
            static_cast<ssize_t>(size));
}
template <class T>
T fetch(Address from) {
    T value;
    fetch(from, &value, sizeof value);
    return value;
}
Address fetch_address(Address from) { return fetch<Address>(from); }
std::string fetch_text(Address from) {
    std::string text;
    while (text.size() < 200) {
        const char next = fetch<char>(from + text.size());
        if (next == 0) break;
        text += next;
    }
    return text;
}
// libstdc++'s std::string: where the characters are, and how many.
std::string fetch_string(Address from) {
    std::string text(fetch<std::size_t>(from + sizeof(Address)), 0);
    if (!text.empty()) fetch(fetch_address(from), text.data(), text.size());
    return text;
}

// Where the section of this program is in memory; 0 when there is none.
Address section_address(const char* wanted) {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const std::string image{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    Elf64_Ehdr header;
    std::memcpy(&header, image.data(), sizeof header);
    std::vector<Elf64_Shdr> sections(header.e_shnum);
    std::memcpy(sections.data(), image.data() + header.e_shoff,
                sections.size() * sizeof(Elf64_Shdr));
    const char* names = image.data() + sections[header.e_shstrndx].sh_offset;
    // The program headers were loaded at their file offset from the load address.
    const Address bias = ::getauxval(AT_PHDR) - header.e_phoff;
    for (const Elf64_Shdr& section : sections) {
        if (std::string(names + section.sh_name) != wanted) continue;
        return section.sh_addr + (header.e_type == ET_DYN ? bias : 0);
    }
    return 0;
}

// The file name of the executable mapping that holds an address; empty when there is none.
std::string code_mapping(Address address) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::istringstream fields(line);
        Address begin = 0;
        Address end = 0;
        char dash = 0;
        std::string access, offset, device, inode, path;
        fields >> std::hex >> begin >> dash >> end >> access >> offset >> device >> inode >> path;
        if (address >= begin && address < end) return access[2] == 'x' ? path : std::string();
    }
    return {};
}

struct SeenTask {
    Address address;
    std::uint64_t id;
    std::string name;
    Address spawn_site;
    std::string waits_for;  // empty: for nothing
    Address awaited;
    bool started;
    std::uint32_t cancelling;
    Address stack_pointer;
};

struct SeenLoop {
    Address address;
    Address current;
    std::size_t tasks_alive;
    std::vector<SeenTask> tasks;

    const SeenTask& task(const std::string& name) const {
        for (const SeenTask& task : tasks) {
            if (task.name == name) return task;
        }
        FAIL("no task named " << name << " in the debug table");
        return tasks.front();
    }
    bool has(const std::string& name) const {
        return std::any_of(tasks.begin(), tasks.end(),
                           [&](const SeenTask& task) { return task.name == name; });
    }
};

DebugTable read_table() {
    const Address where = section_address(".coir_debug");
    REQUIRE(where != 0);
    return fetch<DebugTable>(where);
}

SeenTask read_task(const DebugTable& table, Address at) {
    SeenTask task{};
    task.address = at;
    task.id = fetch<std::uint64_t>(at + table.task_id);
    if (const Address name = fetch_address(at + table.task_name)) task.name = fetch_string(name);
    task.spawn_site = fetch_address(at + table.task_spawn_site);
    if (const Address park = fetch_address(at + table.task_park)) {
        task.waits_for = fetch_text(fetch_address(park + table.park_what));
        task.awaited = fetch_address(park + table.park_awaited);
    }
    task.started = fetch<bool>(at + table.task_started);
    task.cancelling = fetch<std::uint32_t>(at + table.task_cancelling);
    task.stack_pointer = fetch_address(at + table.task_stack_pointer);
    return task;
}

std::vector<SeenLoop> read_loops() {
    const DebugTable table = read_table();
    std::vector<SeenLoop> loops;
    for (auto at = reinterpret_cast<Address>(table.first_loop); at != 0;
         at = fetch_address(at + table.loop_next)) {
        REQUIRE(loops.size() < 100);
        SeenLoop loop{at, fetch_address(at + table.loop_current),
                      fetch<std::size_t>(at + table.loop_tasks_alive), {}};
        const Address head = at + table.loop_task_list;
        for (Address link = fetch_address(head + sizeof(Address)); link != head;
             link = fetch_address(link + sizeof(Address))) {
            REQUIRE(loop.tasks.size() < 10000);
            loop.tasks.push_back(read_task(table, link - table.task_link));
        }
        loops.push_back(std::move(loop));
    }
    return loops;
}

coir::TaskOptions named(const char* name) {
    coir::TaskOptions options;
    options.name = name;
    return options;
}

[[gnu::noinline]] coir::Task<void> spawn_a_sleeper() {
    auto task = coir::create_task(named("sleeper"), [] { coir::sleep(1h); });
    return task;
}

}  // namespace

TEST_CASE("D40: the debug table is in its ELF section, with magic, version and size", "[debug_table]") {
    CHECK(section_address(".coir_debug") == reinterpret_cast<Address>(&coir_debug_table));
    const DebugTable table = read_table();
    CHECK(std::memcmp(table.magic, "COIRDBG", 8) == 0);
    CHECK(table.version == 1);
    CHECK(table.size == sizeof(DebugTable));
}

TEST_CASE("D40: the debug table lists a loop from its making to its close", "[debug_table]") {
    const std::size_t before = read_loops().size();
    {
        coir::EventLoop loop(coir_test::options());
        CHECK(read_loops().size() == before + 1);
        coir::EventLoop another(coir_test::options());
        CHECK(read_loops().size() == before + 2);
    }
    CHECK(read_loops().size() == before);
}

TEST_CASE("D40: the debug table has tasks with ids, names and what they wait for", "[debug_table]") {
    run_on_sim([] {
        auto never = coir::create_future<int>();
        auto sleeper = spawn_a_sleeper();
        auto waiter = coir::create_task(named("waiter"), [never] { return coir::await(never); });
        auto joiner = coir::create_task(named("a task whose name is too long to be stored inside"),
                                        [waiter] { return coir::await(waiter); });
        coir::sleep(1s);
        auto fresh = coir::create_task(named("fresh"), [] {});

        const auto loops = read_loops();
        REQUIRE(loops.size() == 1);
        const SeenLoop& loop = loops[0];
        CHECK(loop.tasks.size() == 5);
        CHECK(loop.tasks_alive == 5);

        const SeenTask& main = loop.task("main");
        CHECK(main.id == coir::current_task().id());
        CHECK(loop.current == main.address);
        CHECK(main.started);

        const SeenTask& seen_sleeper = loop.task("sleeper");
        CHECK(seen_sleeper.id == sleeper.id());
        CHECK(seen_sleeper.waits_for.find("sleep") != std::string::npos);
        CHECK(seen_sleeper.awaited == 0);
        CHECK(seen_sleeper.cancelling == 0);

        const SeenTask& seen_waiter = loop.task("waiter");
        CHECK_FALSE(seen_waiter.waits_for.empty());
        CHECK(seen_waiter.awaited != 0);

        // The await graph: the joiner waits for the waiter.
        const SeenTask& seen_joiner =
            loop.task("a task whose name is too long to be stored inside");
        CHECK(seen_joiner.id == joiner.id());
        CHECK(seen_joiner.awaited == seen_waiter.address + read_table().state_of_task);

        CHECK_FALSE(loop.task("fresh").started);
        CHECK(loop.task("fresh").waits_for.empty());

        CHECK(sleeper.cancel());
        CHECK(read_loops()[0].task("sleeper").cancelling == 1);
        coir::sleep(1s);
        CHECK_FALSE(read_loops()[0].has("sleeper"));
        CHECK_FALSE(read_loops()[0].has("fresh"));
        CHECK(read_loops()[0].tasks_alive == 3);
        never.set_result(1);
        CHECK(coir::await(joiner) == 1);
    });
}

TEST_CASE("D40: the spawn site in the debug table is the code that created the task", "[debug_table]") {
    run_on_sim([] {
        auto sleeper = spawn_a_sleeper();
        auto other = coir::create_task(named("other"), [] { coir::sleep(1h); });
        coir::yield_now();
        const SeenLoop loop = read_loops().at(0);
        const Address site = loop.task("sleeper").spawn_site;
        CHECK(code_mapping(site) == code_mapping(reinterpret_cast<Address>(&spawn_a_sleeper)));
        const auto function = reinterpret_cast<Address>(&spawn_a_sleeper);
        CHECK(site > function);
        CHECK(site < function + 16384);  // create_task is inlined into it
        CHECK(loop.task("other").spawn_site != site);
        sleeper.cancel();
        other.cancel();
    });
}

TEST_CASE("D40: a parked stack in the debug table leads back into the library's code", "[debug_table]") {
    run_on_sim([] {
        auto sleeper = spawn_a_sleeper();
        auto never = coir::create_future<void>();
        auto waiter = coir::create_task(named("waiter"), [never] { coir::await(never); });
        auto second = coir::create_task(named("second waiter"), [never] { coir::await(never); });
        auto last = coir::create_task(named("last"), [never] { coir::await(never); });
        coir::sleep(1s);
        const DebugTable table = read_table();
        if (table.saved_program_counter < 0) {
            COIR_SKIP("where Boost.Context keeps the program counter was not found");
        }
        const SeenLoop loop = read_loops().at(0);
        // The library is linked into this program, so its code is where the program's is.
        const std::string program = code_mapping(reinterpret_cast<Address>(&spawn_a_sleeper));
        REQUIRE_FALSE(program.empty());
        for (const char* name : {"sleeper", "waiter", "second waiter", "last"}) {
            const Address stack_pointer = loop.task(name).stack_pointer;
            CHECK(code_mapping(stack_pointer).empty());
            CHECK(code_mapping(fetch_address(
                      stack_pointer + static_cast<Address>(table.saved_program_counter))) ==
                  program);
        }
        // Both waiters were left for a task that was ready: in the same function, by the same
        // instruction. Where there is none, it is another one.
        const auto counter = [&](const char* name) {
            return fetch_address(loop.task(name).stack_pointer +
                                 static_cast<Address>(table.saved_program_counter));
        };
        CHECK(counter("waiter") == counter("second waiter"));
        CHECK(loop.task("waiter").stack_pointer != loop.task("second waiter").stack_pointer);
        never.set_result();
        sleeper.cancel();
    });
}

TEST_CASE("D40: the debug table lists loops of other threads too", "[debug_table]") {
    coir_test::run_in_loop([] {
        auto loops_seen = coir::create_future<std::size_t>();
        auto& home = coir::get_running_loop();
        std::thread other([&] {
            coir_test::run_on_sim([&] {
                // Assertions are the first loop's: this one only counts.
                const DebugTable& table = coir_debug_table;
                std::size_t count = 0;
                for (auto at = reinterpret_cast<Address>(table.first_loop); at != 0 && count < 100;
                     at = *reinterpret_cast<const Address*>(at + table.loop_next)) {
                    ++count;
                }
                home.call_soon_threadsafe([&loops_seen, count] { loops_seen.set_result(count); });
            });
        });
        CHECK(coir::await(loops_seen) == 2);
        other.join();
    });
}
