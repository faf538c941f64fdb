// SPDX-License-Identifier: BSL-1.0
// A program for a loop that is embedded in a foreign one, which is given as a function: everything
// that may wait is in it, so that whatever does not show in fd() and next_timeout() hangs.
#pragma once

#include "net.hpp"

#include <coir/coir.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include <unistd.h>

namespace coir_test {

/// Drives `loop` by `until(done)`, which runs the foreign loop until done() says true; returns what
/// has been done, which must be "echo sleep thread post reader cancel closed ".
inline std::string embedded_program(coir::EventLoop& loop,
                                    const std::function<void(const std::function<bool()>&)>& until) {
    using namespace std::chrono_literals;
    std::string done;
    auto main = loop.create_task([&] {
        {
            auto [client, server] = tcp_pair();
            auto echo = coir::create_task([&server = server] {
                char buffer[64];
                while (const std::size_t size = server.read(buffer)) {
                    server.write(std::string_view(buffer, size));
                }
            });
            for (int i = 0; i < 20; ++i) {
                client.write("ping");
                if (client.read_exactly(4) != "ping") return;
            }
            client.write_eof();
            coir::await(echo);
        }
        done += "echo ";
        coir::sleep(2ms);
        done += "sleep ";
        if (coir::to_thread([] { return 5; }) == 5) done += "thread ";
        auto posted = loop.create_future<void>();
        std::thread poster([&] {
            std::this_thread::sleep_for(2ms);
            loop.call_soon_threadsafe([posted] { posted.set_result(); });
        });
        coir::await(posted);
        poster.join();
        done += "post ";
        int ends[2];
        if (::pipe(ends) != 0) return;
        coir::Fd reading(ends[0]);
        const coir::Fd writing(ends[1]);
        coir::Event readable;
        loop.add_reader(reading.get(), [&] {
            loop.remove_reader(reading.get());
            readable.set();
        });
        if (::write(writing.get(), "x", 1) != 1) return;
        readable.wait();
        char byte;
        if (::read(reading.get(), &byte, 1) == 1) done += "reader ";
        // The last act of a turn: what it cancels, and what it submits, must not be forgotten.
        auto waiting = coir::create_task([&] { coir::wait_readable(reading.get()); });
        coir::sleep(1ms);
        waiting.cancel();
        coir::Event cancelled;
        waiting.add_done_callback([&](const auto&) { cancelled.set(); });
        cancelled.wait();
        done += "cancel ";
        auto closed = coir::create_task([&] {
            try {
                coir::wait_readable(reading.get());
            } catch (const coir::IoError&) {
                return true;
            }
            return false;
        });
        coir::sleep(1ms);
        reading.reset();
        if (coir::await(closed)) done += "closed ";
    });
    until([&] { return main.done(); });
    if (main.done()) main.result();
    return done;
}

}  // namespace coir_test
