// SPDX-License-Identifier: BSL-1.0
// Files, threads, processes, signals, several loops, names.
#include "scenario.hpp"

#include <coir/address.hpp>
#include <coir/error.hpp>
#include <coir/file.hpp>
#include <coir/fs_watcher.hpp>
#include <coir/gather.hpp>
#include <coir/loop_group.hpp>
#include <coir/net.hpp>
#include <coir/process.hpp>
#include <coir/server.hpp>
#include <coir/signal.hpp>
#include <coir/socket.hpp>
#include <coir/stream.hpp>
#include <coir/task_group.hpp>
#include <coir/thread.hpp>

#include <algorithm>
#include <csignal>
#include <vector>

#include <fcntl.h>
#include <netdb.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coir_faults {
namespace {

using namespace std::chrono_literals;
using Options = coir::RunOptions;

void remove_quietly(const std::string& path) { ::unlink(path.c_str()); }

void file(const Options& options) {
    const std::string path = own_folder() + "/file";
    remove_quietly(path);
    in_loop(options, [&] {
        auto file = coir::File::open(path, O_RDWR | O_CREAT | O_TRUNC);
        file.write("hello, ");
        file.write_at("world", 7);
        file.fsync();
        expect(file.size() == 12, "the size");
        char buffer[32];
        const std::size_t got = file.read_at(buffer, 0);
        expect(std::string(buffer, got) == "hello, world", "what was written");
        file.truncate(5);
        expect(file.stat().st_size == 5, "the size after truncate");
        file.close();
    });
}

void whole_file(const Options& options) {
    const std::string path = own_folder() + "/whole";
    const std::string moved = own_folder() + "/moved";
    remove_quietly(path);
    remove_quietly(moved);
    in_loop(options, [&] {
        coir::write_file(path, std::string(50'000, 'w'), {.atomic = true});
        coir::rename(path, moved);
        expect(coir::read_file(moved).size() == 50'000, "what was written");
        coir::remove(moved);
    });
}

void folder(const Options& options) {
    const std::string path = own_folder() + "/folder";
    ::rmdir((path + "/inside").c_str());
    ::rmdir(path.c_str());
    in_loop(options, [&] {
        coir::mkdir(path + "/inside", {.parents = true});
        const auto entries = coir::list_dir(path);
        expect(entries.size() == 1 && entries[0].name == "inside", "the entry");
        coir::remove(path + "/inside");
        coir::remove(path);
    });
}

void send_file(const Options& options) {
    const std::string path = own_folder() + "/sent";
    remove_quietly(path);
    const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    coir::Fd owned(made);
    expect(::write(made, std::string(30'000, 's').data(), 30'000) == 30'000, "the file");
    in_loop(options, [&] {
        int ends[2];
        expect(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
        coir::Fd a(ends[0]);
        coir::Fd b(ends[1]);
        coir::Stream writer(std::move(a));
        coir::Stream reader(std::move(b));
        std::string got;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] { got = reader.read_all(); });
            group.create_task([&] {
                writer.send_file(made);
                writer.close();
            });
        });
        expect(got.size() == 30'000, "every byte arrived");
    });
}

void to_thread(const Options& options) {
    in_loop(options, [] {
        auto [a, b] = coir::gather([] { return coir::to_thread([] { return std::string(60, 't'); }); },
                                   [] { return coir::to_thread([] { return 2; }); });
        expect(a.size() == 60 && b == 2, "both results");
        try {
            coir::to_thread([] { throw std::out_of_range("thrown by the job"); });
            expect(false, "to_thread throws");
        } catch (const std::out_of_range&) {
        }
    });
}

void executor(const Options& options) {
    in_loop(options, [] {
        coir::ThreadPool pool(1);
        auto future = coir::run_in_executor(pool, [] { return 8; });
        expect(coir::await(future) == 8, "the result");
    });
}

void forgetful_executor(const Options& options) {
    struct Forgetful final : coir::Executor {
        void submit(Job) override {}
    };
    in_loop(options, [] {
        Forgetful executor;
        auto future = coir::run_in_executor(executor, [] { return 8; });
        try {
            coir::await(future);
            expect(false, "await throws");
        } catch (const coir::BrokenPromise&) {
        }
    });
}

void from_thread(const Options& options) {
    in_loop(options, [] {
        auto& loop = coir::get_running_loop();
        const int got = coir::to_thread([&loop] {
            return coir::from_thread::run(loop, [] {
                coir::yield_now();
                return 4;
            });
        });
        expect(got == 4, "the result");
    });
}

void call_soon_threadsafe(const Options& options) {
    in_loop(options, [] {
        auto& loop = coir::get_running_loop();
        auto called = coir::create_future<void>();
        coir::to_thread([&] {
            loop.call_soon_threadsafe([&] { called.set_result(); });
        });
        coir::await(called);
    });
}

void signals(const Options& options) {
    in_loop(options, [] {
        coir::SignalStream stream({SIGUSR1});
        ::raise(SIGUSR1);
        expect(stream.next() == SIGUSR1, "the signal");
    });
}

void subprocess(const Options& options) {
    in_loop(options, [] {
        auto process = coir::create_subprocess_exec(
            {"cat"}, {.stdin_ = coir::Stdio::pipe(), .stdout_ = coir::Stdio::pipe()});
        const auto output = process.communicate("through a child");
        expect(output.stdout_ == "through a child" || (armed_with_faults() && !output.status.ok()),
               "what it read");
        // Where its end could not be learnt, this says so.
        expect(output.status.ok() || armed_with_faults(), "its status");
    });
}

void kill_process(const Options& options) {
    in_loop(options, [] {
        auto process = coir::create_subprocess_exec({"/bin/sleep", "1000"});
        process.kill();
        const auto status = process.wait();
        expect(status.signal() == SIGKILL || armed_with_faults(), "its end");
    });
}

void no_such_program(const Options& options) {
    in_loop(options, [] {
        try {
            auto process = coir::create_subprocess_exec({"/nowhere/program"});
            expect(false, "there is no such program");
        } catch (const coir::IoError& error) {
            if (!armed_with_faults()) expect(error.code().value() == ENOENT, "ENOENT");
        }
    });
}

void loop_group(const Options& options) {
    in_loop(options, [&] {
        coir::LoopGroup group(2, options);
        auto futures = group.on_each([](std::size_t index) { return static_cast<int>(index) + 1; });
        int sum = 0;
        for (auto& future : futures) sum += coir::await(future);
        expect(sum == 3, "both loops");
        auto task = group.create_task([] { return 5; });
        expect(coir::await(task) == 5, "the task");
        group.shutdown();
    });
}

void group_server(const Options& options) {
    in_loop(options, [&] {
        coir::LoopGroup group(2, options);
        auto server = group.start_server([](coir::Stream& stream) { stream.write("hi\n"); }, "127.0.0.1", 0);
        coir::Stream client = coir::open_connection(coir::Address("127.0.0.1", server.port()));
        const auto line = client.readline();
        expect(line == "hi\n" || armed_with_faults(), "the greeting");
        client.close();
        server.shutdown(1s);
        group.shutdown();
    });
}

void resolver(const Options& options) {
    in_loop(options, [] {
        const auto found = coir::getaddrinfo("127.0.0.1", 80);
        expect(found.size() == 1 && found[0].address.port() == 80, "the address");
        const auto name = coir::getnameinfo(found[0].address, NI_NUMERICHOST | NI_NUMERICSERV);
        expect(name.host == "127.0.0.1" && name.service == "80", "and back");
    });
}

void fs_watcher(const Options& options) {
    const std::string path = own_folder() + "/watched";
    ::mkdir(path.c_str(), 0777);
    ::chmod(path.c_str(), 0777);  // the next one may be another user
    const std::string name = path + "/entry";
    remove_quietly(name);
    in_loop(options, [&] {
        coir::FsWatcher watcher;
        watcher.add(path);
        const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        expect(fd >= 0, "the file");
        ::close(fd);
        const auto event = watcher.next();
        expect(event.kind == coir::FsEventKind::created && event.path == name, "the event");
    });
}

constexpr Scenario list[] = {
    {"file", file},
    {"whole_file", whole_file},
    {"folder", folder},
    {"send_file", send_file},
    {"to_thread", to_thread},
    {"executor", executor},
    {"forgetful_executor", forgetful_executor},
    {"from_thread", from_thread},
    {"call_soon_threadsafe", call_soon_threadsafe},
    {"signals", signals},
    {"subprocess", subprocess},
    {"kill_process", kill_process},
    {"no_such_program", no_such_program},
    {"loop_group", loop_group, false, true},
    {"group_server", group_server, true, true},
    {"resolver", resolver},
    {"fs_watcher", fs_watcher},
};

}  // namespace

const std::span<const Scenario> system_scenarios(list);

}  // namespace coir_faults
