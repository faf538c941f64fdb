// SPDX-License-Identifier: BSL-1.0
// A coir loop inside a GLib main loop, as GTK programs have one: a GSource sleeps on the loop's
// descriptor, no longer than the loop says, and then runs a turn. Tasks and GLib's own callbacks
// share the thread. Needs a reactor that can be embedded: epoll or io_uring.
#include <coir/coir.hpp>

#include <glib.h>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

namespace {

struct CoirSource {
    GSource base;
    coir::EventLoop* loop;
    gpointer readable;  // names the descriptor among the source's

    static CoirSource& of(GSource* source) { return *reinterpret_cast<CoirSource*>(source); }

    // Before each sleep: how long it may be. True: a turn is due already.
    static gboolean prepare(GSource* source, gint* timeout) {
        const auto limit = of(source).loop->next_timeout();
        *timeout = limit ? static_cast<gint>(std::chrono::ceil<std::chrono::milliseconds>(*limit).count())
                         : -1;
        return limit && *limit == 0ns;
    }
    // After it: whether a turn is due.
    static gboolean check(GSource* source) {
        gint timeout = -1;
        return g_source_query_unix_fd(source, of(source).readable) != 0 || prepare(source, &timeout);
    }
    static gboolean dispatch(GSource* source, GSourceFunc, gpointer) {
        of(source).loop->run_once(coir::RunMode::no_wait);
        return G_SOURCE_CONTINUE;
    }
};

// Runs `loop` in the default main context from now on; destroy the source before the loop.
GSource* attach(coir::EventLoop& loop) {
    static GSourceFuncs functions{&CoirSource::prepare, &CoirSource::check, &CoirSource::dispatch,
                                  nullptr, nullptr, nullptr};
    GSource* source = g_source_new(&functions, sizeof(CoirSource));
    CoirSource::of(source).loop = &loop;
    CoirSource::of(source).readable = g_source_add_unix_fd(source, loop.fd(), G_IO_IN);
    g_source_attach(source, nullptr);
    return source;
}

gboolean tick(gpointer count) {
    ++*static_cast<int*>(count);
    return G_SOURCE_CONTINUE;
}

}  // namespace

int main() {
    coir::EventLoop loop;
    if (loop.fd() < 0) {
        std::cerr << "the reactor " << loop.reactor_name() << " cannot be embedded\n";
        return 77;
    }
    GMainLoop* const main_loop = g_main_loop_new(nullptr, FALSE);
    GSource* const source = attach(loop);
    int ticks = 0;
    g_timeout_add(1, &tick, &ticks);

    auto program = loop.create_task([] {
        auto server = coir::start_server(
            [](coir::Stream stream) {
                while (auto line = stream.readline()) stream.write("you said " + *line);
            },
            "127.0.0.1", 0);
        auto client = coir::open_connection("127.0.0.1", server.port());
        client.write("hello\n");
        std::cout << client.readline().value_or("nothing\n");
        client.close();
        coir::sleep(50ms);
        std::cout << coir::to_thread([] { return "a thread has run\n"; });
    });
    program.add_done_callback([main_loop] { g_main_loop_quit(main_loop); });
    g_main_loop_run(main_loop);
    program.result();
    std::cout << (ticks > 1 ? "GLib's timer has run meanwhile\n" : "GLib's timer starved\n");

    g_source_destroy(source);
    g_source_unref(source);
    g_main_loop_unref(main_loop);
}
