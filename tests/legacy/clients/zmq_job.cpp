// SPDX-License-Identifier: BSL-1.0
#include "crowd.hpp"
#include "jobs.hpp"

#include <memory>
#include <stdexcept>

#include <zmq.h>

namespace jobs {
namespace {

void* context() {
    static void* const made = zmq_ctx_new();
    return made;
}

[[noreturn]] void fail() { throw std::runtime_error(zmq_strerror(zmq_errno())); }

}  // namespace

void start_zmq() { static_cast<void>(context()); }

std::string zmq(int number) {
    const std::unique_ptr<void, decltype(&zmq_close)> socket(zmq_socket(context(), ZMQ_REQ),
                                                             &zmq_close);
    if (!socket) fail();
    const int linger = 0;
    zmq_setsockopt(socket.get(), ZMQ_LINGER, &linger, sizeof linger);
    const std::string server = "tcp://127.0.0.1:" + crowd::port_from("COIR_HELPER_PORT");
    if (zmq_connect(socket.get(), server.c_str()) != 0) fail();
    const std::string request = "request " + std::to_string(number);
    if (zmq_send(socket.get(), request.data(), request.size(), 0) < 0) fail();
    char answer[100];
    const int size = zmq_recv(socket.get(), answer, sizeof answer, 0);
    if (size < 0) fail();
    return std::string(answer, static_cast<std::size_t>(size));
}

}  // namespace jobs
