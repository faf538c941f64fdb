// SPDX-License-Identifier: BSL-1.0
// Hedged requests: when the first server is slow, ask a second one and take the faster answer.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <variant>

using namespace std::chrono_literals;

namespace {

std::string ask(const char* server, std::chrono::milliseconds delay) {
    try {
        coir::sleep(delay);  // stands for a request over the network
        return std::string("an answer from ") + server;
    } catch (const coir::CancelledError&) {
        std::printf("  %s: no longer needed\n", server);
        throw;
    }
}

std::string hedged(std::chrono::milliseconds first, std::chrono::milliseconds second) {
    return coir::race([=] { return ask("the first server", first); },
                      [=] {
                          coir::sleep(50ms);  // only when the first one is slow
                          return ask("the second server", second);
                      });
}

}  // namespace

int main() {
    coir::run([] {
        std::printf("%s\n", hedged(5ms, 5ms).c_str());
        std::printf("%s\n", hedged(10s, 5ms).c_str());

        // Results of different types come as a variant; its index is the winner's place.
        auto either = coir::race([] { return ask("the server", 10s); },
                                 [] {
                                     coir::sleep(10ms);
                                     return 503;
                                 });
        if (const int* status = std::get_if<1>(&either)) std::printf("status %d\n", *status);

        // The losers have ended when race() returns.
        std::printf("%zu task\n", coir::all_tasks().size());
    });
}
