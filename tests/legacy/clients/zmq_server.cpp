// SPDX-License-Identifier: BSL-1.0
// PORT: answers each request after a tenth of a second, many at once, with what was asked.
#include <chrono>
#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include <zmq.h>

namespace {

using Clock = std::chrono::steady_clock;

struct Message {
    Clock::time_point due;
    std::vector<std::string> parts;  // who asked, and the question
};

std::vector<std::string> receive(void* socket) {
    std::vector<std::string> parts;
    int more = 1;
    while (more != 0) {
        char part[256];
        const int size = zmq_recv(socket, part, sizeof part, 0);
        parts.emplace_back(part, size > 0 ? static_cast<std::size_t>(size) : 0);
        std::size_t length = sizeof more;
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &length);
    }
    return parts;
}

void send(void* socket, const std::vector<std::string>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
        zmq_send(socket, parts[i].data(), parts[i].size(), i + 1 < parts.size() ? ZMQ_SNDMORE : 0);
    }
}

long milliseconds_until(Clock::time_point due) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count();
    return left > 0 ? left : 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    void* const context = zmq_ctx_new();
    void* const socket = zmq_socket(context, ZMQ_ROUTER);
    const int backlog = 1000;
    zmq_setsockopt(socket, ZMQ_BACKLOG, &backlog, sizeof backlog);
    if (zmq_bind(socket, (std::string("tcp://127.0.0.1:") + argv[1]).c_str()) != 0) {
        std::perror("zmq_bind");
        return 1;
    }
    std::deque<Message> later;
    for (;;) {
        zmq_pollitem_t item{socket, 0, ZMQ_POLLIN, 0};
        zmq_poll(&item, 1, later.empty() ? -1 : milliseconds_until(later.front().due));
        if ((item.revents & ZMQ_POLLIN) != 0) {
            later.push_back({Clock::now() + std::chrono::milliseconds(100), receive(socket)});
        }
        while (!later.empty() && later.front().due <= Clock::now()) {
            send(socket, later.front().parts);
            later.pop_front();
        }
    }
}
