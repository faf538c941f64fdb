// SPDX-License-Identifier: BSL-1.0
// An echo server with a thread for each connection, and 200 clients that talk to it at once.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

sockaddr_in server{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
socklen_t length = sizeof server;
auto* const address = reinterpret_cast<sockaddr*>(&server);
std::atomic<int> answers = 0;

void serve(int fd) {
    char data[64];
    for (ssize_t size; (size = read(fd, data, sizeof data)) > 0;) {
        if (write(fd, data, static_cast<size_t>(size)) != size) break;
    }
    close(fd);
}

void talk() {
    char data[64];
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, address, length) == 0 && write(fd, "hello", 5) == 5) answers += read(fd, data, 64) == 5;
    close(fd);
}

int main() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, address, length) || listen(listener, 256) || getsockname(listener, address, &length)) return 1;
    std::thread([&] { for (;;) std::thread(serve, accept(listener, nullptr, nullptr)).detach(); }).detach();
    std::vector<std::thread> clients;
    for (int i = 0; i < 200; ++i) clients.emplace_back(talk);
    for (auto& client : clients) client.join();
    std::printf("%d answers\n", answers.load());
}
