// SPDX-License-Identifier: BSL-1.0
// A small program of somebody who has coir installed: smoke.sh builds it by every route.
#include <coir/await.hpp>
#include <coir/error.hpp>
#include <coir/reactors.hpp>
#include <coir/run.hpp>
#include <coir/version.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

static int twice(int x) {
    coir::sleep(std::chrono::milliseconds(1));
    if (x < 0) throw std::range_error("negative");
    return 2 * x;
}

int main() {
    int wrong = coir::version() == COIR_VERSION ? 0 : 1;
    for (const coir::ReactorInfo& info : coir::list_reactors()) {
        if (!info.usable) continue;
        coir::RunOptions options;
        options.reactor = info.name;
        const int result = coir::run(
            [] {
                auto good = coir::create_task(twice, 21);
                auto bad = coir::create_task(twice, -1);
                try {
                    coir::await(bad);
                } catch (const std::range_error&) {  // its type crossed the library's border
                    return coir::await(good);
                }
                return 0;
            },
            options);
        std::printf("%s %d\n", info.name.c_str(), result);
        wrong += result != 42;
    }
    return wrong;
}
