// SPDX-License-Identifier: BSL-1.0
// A context variable: the id of a request follows the tasks that work for it, and callbacks and
// threads too, without being passed along.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

namespace {

coir::ContextVar<std::string> request_id("request_id", "-");

void log(const char* text) { std::printf("%s: %s\n", request_id.get().c_str(), text); }

void query_database() {
    log("query");
    coir::sleep(2ms);
    // A blocking call on another thread is still part of the request.
    coir::to_thread([] { log("checksum, on a thread"); });
}

void handle(int number) {
    request_id.set("request " + std::to_string(number));
    coir::sleep(number * 100ms);  // the other requests are handled meanwhile
    log("begins");
    coir::gather([] { query_database(); }, [] {
        coir::sleep(1ms);
        log("cache");
    });
    log("ends");
}

}  // namespace

int main() {
    coir::run([] {
        coir::with_task_group([](coir::TaskGroup& group) {
            for (int number = 1; number <= 2; ++number) group.create_task(handle, number);
        });
        log("no request");
    });
}
