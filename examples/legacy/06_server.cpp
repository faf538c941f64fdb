// SPDX-License-Identifier: BSL-1.0
// An echo server with a task for each connection, and 200 clients: all of it on one thread.
#include <coir/coir.hpp>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdio>

sockaddr_in server{AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {}};
socklen_t length = sizeof server;
auto* const address = reinterpret_cast<sockaddr*>(&server);
int answers = 0;

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
    coir::run([&] {
        auto all = [&] { for (int fd; (fd = accept(listener, nullptr, nullptr)) >= 0;) coir::spawn_detached(serve, fd); };
        coir::spawn_detached(all);
        coir::with_task_group([](auto& clients) { for (int i = 0; i < 200; ++i) clients.create_task(talk); });
    });
    std::printf("%d answers\n", answers);
}
