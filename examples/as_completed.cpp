// SPDX-License-Identifier: BSL-1.0
// Results as they come in: as_completed, gather_settled and wait.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::function<std::string()> download(const char* name, std::chrono::milliseconds takes) {
    return [=] {
        coir::sleep(takes);
        if (std::string(name) == "broken") throw std::runtime_error("404");
        return std::string(name);
    };
}

}  // namespace

int main() {
    coir::run([] {
        const std::vector jobs{download("large", 60ms), download("broken", 20ms),
                               download("small", 1ms)};

        // One by one, the fastest first; the jobs that are left when the loop ends are cancelled.
        for (auto& task : coir::as_completed(jobs, 10s)) {
            try {
                std::printf("%s\n", coir::await(task).c_str());
            } catch (const std::runtime_error& error) {
                std::printf("error: %s\n", error.what());
            }
        }

        // All of them, good or bad, in the order of the jobs.
        for (const auto& outcome : coir::gather_settled(jobs)) {
            std::printf("%s\n", outcome ? outcome.value().c_str() : "(failed)");
        }

        // Looking on without cancelling anything.
        auto quick = coir::create_task(download("quick", 1ms));
        auto slow = coir::create_task(download("slow", 50ms));
        auto [done, pending] = coir::wait({slow, quick}, {.timeout = 20ms});
        std::printf("%zu done, %zu pending\n", done.size(), pending.size());
        std::printf("%s\n", coir::await(slow).c_str());
    });
}
