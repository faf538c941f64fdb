// SPDX-License-Identifier: BSL-1.0
// Streams, servers, datagrams, pipes, descriptors that are passed.
#include "scenario.hpp"

#include <coir/address.hpp>
#include <coir/error.hpp>
#include <coir/fd.hpp>
#include <coir/gather.hpp>
#include <coir/net.hpp>
#include <coir/pipe.hpp>
#include <coir/server.hpp>
#include <coir/socket.hpp>
#include <coir/stream.hpp>
#include <coir/task_group.hpp>
#include <coir/udp.hpp>

#include <array>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coir_faults {
namespace {

using namespace std::chrono_literals;
using Options = coir::RunOptions;

/// Two ends of a socketpair, a pipe: made by the scenario, not by coir.
std::array<coir::Fd, 2> made_pair() {
    int ends[2];
    expect(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0, "socketpair");
    return {coir::Fd(ends[0]), coir::Fd(ends[1])};
}

std::array<coir::Fd, 2> made_pipe() {
    int ends[2];
    expect(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2");
    return {coir::Fd(ends[0]), coir::Fd(ends[1])};
}

void echo(coir::Stream& stream) {
    while (auto line = stream.readline()) stream.write(*line);
}

void connect_accept(const Options& options) {
    in_loop(options, [] {
        auto listener = coir::Listener::listen("127.0.0.1", 0);
        const coir::Address to = listener.address();
        std::string got;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] {
                coir::Stream client = coir::open_connection(to);
                client.write("hello");
                client.close();
            });
            group.create_task([&] {
                coir::Stream server = listener.accept();
                got = server.read_all();
            });
        });
        expect(got == "hello", "every byte arrived");
    });
}

void stream_echo(const Options& options) {
    in_loop(options, [] {
        auto [a, b] = made_pair();
        coir::Stream client(std::move(a));
        coir::Stream server(std::move(b));
        std::string all;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] {
                echo(server);
                server.close();
            });
            group.create_task([&] {
                for (int i = 0; i < 3; ++i) {
                    client.writev("line ", std::to_string(i), "\n");
                    all += client.readline().value_or("end\n");
                }
                client.write_eof();
                expect(client.read(10).empty(), "the end of the stream");
            });
        });
        expect(all == "line 0\nline 1\nline 2\n", "every line came back");
    });
}

void stream_large(const Options& options) {
    in_loop(options, [] {
        auto [a, b] = made_pair();
        coir::Stream writer(std::move(a));
        coir::Stream reader(std::move(b));
        std::string got;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] {
                writer.write(std::string(700'000, 'x'));
                writer.close();
            });
            group.create_task([&] { got = reader.read_all(); });
        });
        expect(got.size() == 700'000, "every byte arrived");
    });
}

void server(const Options& options) {
    in_loop(options, [] {
        auto server = coir::start_server([](coir::Stream stream) { echo(stream); }, "127.0.0.1", 0);
        const coir::Address to("127.0.0.1", server.port());
        auto ask = [&to](const std::string& line) {
            coir::Stream client = coir::open_connection(to);
            client.write(line + "\n");
            return client.readline().value_or("closed");
        };
        auto [a, b] = coir::gather([&] { return ask("one"); }, [&] { return ask("two"); });
        // A connection whose handler has failed is closed.
        expect(a == "one\n" || (armed_with_faults() && a == "closed"), "the first answer");
        expect(b == "two\n" || (armed_with_faults() && b == "closed"), "the second answer");
        server.shutdown(1s);
    });
}

void unix_server(const Options& options) {
    const std::string path = own_folder() + "/socket";
    ::unlink(path.c_str());
    in_loop(options, [&] {
        auto server = coir::start_unix_server([](coir::Stream stream) { echo(stream); }, path);
        coir::Stream client = coir::open_unix_connection(path);
        client.write("line\n");
        const std::string line = client.readline().value_or("closed");
        expect(line == "line\n" || (armed_with_faults() && line == "closed"), "the answer");
        client.close();
        server.close();
        server.wait_closed();
    });
}

void refused(const Options& options) {
    in_loop(options, [] {
        int port = 0;
        {
            auto listener = coir::Listener::listen("127.0.0.1", 0);
            port = listener.port();
        }
        try {
            coir::open_connection(coir::Address("127.0.0.1", port));
            expect(false, "nobody listens");
        } catch (const coir::IoError& error) {
            if (!armed_with_faults()) expect(error.code().value() == ECONNREFUSED, "refused");
        }
    });
}

void udp(const Options& options) {
    in_loop(options, [] {
        auto a = coir::UdpSocket::open(AF_INET);
        auto b = coir::UdpSocket::open(AF_INET);
        a.bind(coir::Address("127.0.0.1", 0));
        b.bind(coir::Address("127.0.0.1", 0));
        const coir::Address to("127.0.0.1", b.port());
        char buffer[32];
        auto [got, nothing] = coir::gather([&] { return b.recv_from(buffer).size; },
                                           [&] { a.send_to("datagram", to); });
        static_cast<void>(nothing);
        expect(got == 8 && std::string(buffer, 8) == "datagram", "the datagram");
    });
}

void udp_many(const Options& options) {
    in_loop(options, [] {
        auto a = coir::UdpSocket::open(AF_INET);
        auto b = coir::UdpSocket::open(AF_INET);
        b.bind(coir::Address("127.0.0.1", 0));
        a.connect(coir::Address("127.0.0.1", b.port()));
        coir::OutgoingDatagram out[3];
        for (auto& one : out) one.bytes = "abc";
        a.send_many(out);
        char space[4][8];
        coir::IncomingDatagram in[4];
        for (int i = 0; i < 4; ++i) in[i].buffer = space[i];
        std::size_t got = 0;
        while (got < 3) got += b.recv_many(std::span(in).subspan(got));
        expect(got == 3 && in[2].bytes() == "abc", "all three");
    });
}

void pipe(const Options& options) {
    in_loop(options, [] {
        auto [out, in] = made_pipe();
        coir::Pipe reader(std::move(out));
        coir::Pipe writer(std::move(in));
        std::string got;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] { got = reader.read_all(); });
            group.create_task([&] {
                coir::yield_now();
                writer.write(std::string(100'000, 'p'));
                writer.close();
            });
        });
        expect(got.size() == 100'000, "every byte arrived");
    });
}

void pass_fds(const Options& options) {
    in_loop(options, [] {
        auto [a, b] = made_pair();
        auto [out, in] = made_pipe();
        coir::Stream sender(std::move(a));
        coir::Stream receiver(std::move(b));
        const int passed = in.get();
        char byte[4];
        auto [got, nothing] = coir::gather([&] { return receiver.recv_fds(byte); },
                                           [&] { sender.send_fds("x", {passed}); });
        static_cast<void>(nothing);
        if (armed_with_faults() && got.truncated) return;  // no number was free for it
        expect(got.size == 1 && got.fds.size() == 1, "a byte and a descriptor");
        expect(::write(got.fds[0].get(), "y", 1) == 1 && ::read(out.get(), byte, 1) == 1, "it is the pipe");
    });
}

void socket(const Options& options) {
    in_loop(options, [] {
        auto listener = coir::Socket::create(AF_INET, SOCK_STREAM);
        listener.bind(coir::Address("127.0.0.1", 0));
        listener.listen();
        const coir::Address to = listener.local_address();
        std::size_t got = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            group.create_task([&] {
                auto accepted = listener.accept();
                char buffer[16];
                while (const std::size_t size = accepted.recv(buffer)) got += size;
            });
            group.create_task([&] {
                auto client = coir::Socket::create(AF_INET, SOCK_STREAM);
                client.connect(to);
                client.sendall("twelve bytes");
            });
        });
        expect(got == 12, "every byte arrived");
    });
}

void cancel_io(const Options& options) {
    in_loop(options, [] {
        auto [a, b] = made_pair();
        coir::Stream reader(std::move(a));
        coir::Stream writer(std::move(b));
        char buffer[8];
        expect(!coir::move_on_after(1ms, [&] { return reader.read(buffer); }), "nothing came");
        writer.write("kept");
        expect(reader.read(buffer) == 4, "and nothing was lost");
    });
}

void wait_fd(const Options& options) {
    in_loop(options, [] {
        auto [out, in] = made_pipe();
        const int reader = out.get();
        const int writer = in.get();
        auto [events, nothing] = coir::gather([&] { return coir::wait_fd(reader, POLLIN); },
                                              [&] {
                                                  coir::wait_writable(writer);
                                                  expect(::write(writer, "x", 1) == 1, "write");
                                              });
        static_cast<void>(nothing);
        expect(events == POLLIN, "readable");
    });
}

void fd_callbacks(const Options& options) {
    in_loop(options, [] {
        auto [out, in] = made_pipe();
        auto& loop = coir::get_running_loop();
        auto seen = coir::create_future<void>();
        loop.set_exception_handler([&](const coir::ExceptionContext& context) {
            if (!seen.done()) seen.set_exception(context.exception);  // it can watch no longer
        });
        loop.add_reader(out.get(), [&] {
            if (!seen.done()) seen.set_result();
        });
        expect(::write(in.get(), "x", 1) == 1, "write");
        coir::await(seen);
        expect(loop.remove_reader(out.get()), "it was there");
    });
}

constexpr Scenario list[] = {
    {"connect_accept", connect_accept, true},
    {"stream_echo", stream_echo},
    {"stream_large", stream_large},
    {"server", server, true},
    {"unix_server", unix_server, true},
    {"refused", refused},
    {"udp", udp},
    {"udp_many", udp_many},
    {"pipe", pipe},
    {"pass_fds", pass_fds},
    {"socket", socket, true},
    {"cancel_io", cancel_io},
    {"wait_fd", wait_fd},
    {"fd_callbacks", fd_callbacks},
};

}  // namespace

const std::span<const Scenario> net_scenarios(list);

}  // namespace coir_faults
