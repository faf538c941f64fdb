// SPDX-License-Identifier: BSL-1.0
// How a program with threads ends: ends HOW
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

struct Said {
    const char* what;
    ~Said() { std::printf("destroyed: %s\n", what); }
};
Said global{"global"};

void at_exit() {
    std::this_thread::sleep_for(1ms);  // the others may go on meanwhile
    std::puts("at exit");
}

void in_thread(const char* how) {
    static thread_local Said local{"of the thread"};
    std::printf("begins: %s\n", local.what);
    std::this_thread::sleep_for(5ms);
    if (std::strcmp(how, "exit") == 0) std::exit(5);
    if (std::strcmp(how, "throw") == 0) throw std::runtime_error("of a thread");
    if (std::strcmp(how, "abort") == 0) std::abort();
    if (std::strcmp(how, "kill") == 0) ::pthread_kill(::pthread_self(), SIGTERM);
    if (std::strcmp(how, "_exit") == 0) ::_exit(6);
    if (std::strcmp(how, "main") == 0) std::this_thread::sleep_for(10s);
    if (std::strcmp(how, "last") == 0) std::this_thread::sleep_for(20ms);
}

}  // namespace

int main(int count, char** words) {
    const char* const how = count > 1 ? words[1] : "main";
    std::atexit(&at_exit);
    std::setvbuf(stdout, nullptr, _IONBF, 0);
    std::thread thread(&in_thread, how);
    if (std::strcmp(how, "main") == 0) {
        std::this_thread::sleep_for(10ms);
        thread.detach();
        return 8;
    }
    if (std::strcmp(how, "last") == 0) {
        thread.detach();
        ::pthread_exit(nullptr);
    }
    thread.join();
    return 9;
}
