// SPDX-License-Identifier: BSL-1.0
// A thousand downloads at once on one thread, with a library that knows nothing of coir.
//
// libcurl's easy interface is blocking: curl_easy_perform() returns when the page is there. Because
// this program is linked with libcoir-legacy, the calls in which libcurl waits (poll, recv, ...)
// suspend the calling task, and the thread goes on with the others. The server in the same program
// is plain blocking socket code too: accept(), read(), write().
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

// Answers one request, "GET /17 HTTP/1.1 ...", with "page 17", after a tenth of a second.
void serve(int connection) {
    char request[4096];
    const ssize_t size = read(connection, request, sizeof request - 1);  // suspends this task only
    coir::sleep(std::chrono::milliseconds(100));
    if (size > 5) {
        request[size] = '\0';
        const std::string body = "page " + std::to_string(std::atoi(request + 5));
        const std::string answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                                   std::to_string(body.size()) + "\r\n\r\n" + body;
        if (write(connection, answer.data(), answer.size()) < 0) std::perror("write");
    }
    close(connection);
}

void accept_all(int listener) {
    for (;;) {
        const int connection = accept(listener, nullptr, nullptr);
        if (connection < 0) return;  // the task was cancelled: ECANCELED
        coir::spawn_detached(serve, connection);
    }
}

size_t append(char* data, size_t, size_t size, void* body) {
    static_cast<std::string*>(body)->append(data, size);
    return size;
}

// Ordinary libcurl code, as it stands in its manual.
bool fetch(int number, int port) {
    const std::string path = ":" + std::to_string(port) + "/" + std::to_string(number);
    const std::string url = "http://127.0.0.1" + path;
    std::string body;
    CURL* curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // no alarm(): it would hit whichever task runs
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    const CURLcode code = curl_easy_perform(curl);  // suspends this task until the page is there
    curl_easy_cleanup(curl);
    if (code != CURLE_OK) std::fprintf(stderr, "%s: %s\n", url.c_str(), curl_easy_strerror(code));
    return code == CURLE_OK && body == "page " + std::to_string(number);
}

int main(int argc, char** argv) {
    int count = 1000;
    coir::RunOptions options;
    for (int i = 1; i < argc; i += 2) {
        const std::string option = i + 1 < argc ? argv[i] : "";
        if (option == "--count") count = std::atoi(argv[i + 1]);
        else if (option == "--reactor") options.reactor = argv[i + 1];
        else return std::fprintf(stderr, "usage: %s [--count N] [--reactor NAME]\n", argv[0]), 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return coir::run([&] {
        sockaddr_in address{};  // no port: the system chooses one
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        const int listener = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(listener, generic, length) || listen(listener, 1024) ||
            getsockname(listener, generic, &length)) return std::perror("listen"), 1;
        auto server = coir::create_task(accept_all, listener);
        const auto start = std::chrono::steady_clock::now();
        const int port = ntohs(address.sin_port);
        std::vector<coir::Task<bool>> downloads;
        for (int i = 0; i < count; ++i) downloads.push_back(coir::create_task(fetch, i, port));
        int good = 0;
        for (auto& download : downloads) good += coir::await(download) ? 1 : 0;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        server.cancel();
        std::printf("%d pages of 100 ms each in %.2f s on 1 thread (one after another: %g s)\n",
                    good, took.count(), count * 0.1);
        close(listener);
        return good == count && count > 0 ? 0 : 1;
    }, options);
}
