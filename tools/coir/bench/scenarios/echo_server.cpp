// SPDX-License-Identifier: BSL-1.0
#include "echo_server.hpp"

#include "bench/scenarios/raw_servers.hpp"
#include "bench/scenarios/served_workload.hpp"

#include <coir/net.hpp>
#include <coir/task_group.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace coir_tool {
namespace {

using coir_bench::Transport;

void serve_unix(std::size_t buffer_size, const Ready& ready) {
    coir_bench::BoundSocket bound = coir_bench::open_server(Transport::Unix);
    coir::Socket listener{coir::Fd(bound.socket.release())};
    ready(bound.endpoint.number);
    coir::with_task_group([&](coir::TaskGroup& connections) {
        for (;;) {
            connections.create_task([buffer_size, socket = listener.accept()]() mutable {
                coir::Stream stream(socket.release());
                copy(stream, stream, buffer_size);
            });
        }
    });
}

void serve_datagrams(std::size_t buffer_size, const Ready& ready) {
    coir_bench::BoundSocket bound = coir_bench::open_server(Transport::Udp);
    coir::UdpSocket socket{coir::Fd(bound.socket.release())};
    ready(bound.endpoint.number);
    for (std::string buffer(buffer_size, '\0');;) {
        try {
            const coir::Datagram datagram = socket.recv_from(buffer);
            socket.send_to(std::string_view(buffer.data(), datagram.size), datagram.from);
        } catch (const coir::IoError&) {
            // The client of that datagram is gone.
        }
    }
}

void serve(const std::string& reactor, Transport transport, std::size_t buffer_size,
           const Ready& ready) {
    switch (transport) {
        case Transport::Tcp:
            serve_streams(
                reactor, [=](coir::Stream& stream) { copy(stream, stream, buffer_size); }, ready);
            break;
        case Transport::Unix:
            run_on(reactor, [&] { serve_unix(buffer_size, ready); });
            break;
        case Transport::Udp:
            run_on(reactor, [&] { serve_datagrams(buffer_size, ready); });
            break;
    }
}

}  // namespace

void copy(coir::ByteStream& from, coir::ByteStream& to, std::size_t buffer_size) {
    std::string buffer(buffer_size, '\0');
    try {
        while (const std::size_t got = from.read(buffer)) {
            to.write(std::string_view(buffer.data(), got));
        }
    } catch (const coir::IoError&) {
        // The load ends its connections by resetting them.
    }
}

Served echo_server(const Subject& subject, Transport transport, std::size_t buffer_size) {
    Served served;
    switch (subject.kind) {
        case Subject::Kind::reactor:
            served.serve = [=, name = subject.name](const Ready& ready) {
                serve(name, transport, buffer_size, ready);
            };
            break;
        case Subject::Kind::baseline:
            served.serve = [=, name = subject.name](const Ready& ready) {
                serve_raw_echo(name, transport, buffer_size, ready);
            };
            break;
        case Subject::Kind::peer:
            served.command = subject.command;
            break;
        case Subject::Kind::server:
            throw std::logic_error("a server that is running is none of ours");
    }
    return served;
}

}  // namespace coir_tool
