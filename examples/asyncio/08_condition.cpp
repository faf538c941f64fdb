// SPDX-License-Identifier: BSL-1.0
// Waiting for a state; in Python: 08_condition.py.
#include <coir/coir.hpp>

#include <cstdio>
#include <mutex>

int main() {
    coir::run([] {
        coir::Lock lock;
        coir::Condition changed;
        int stock = 0;
        auto buyer = coir::create_task([&] {
            std::unique_lock held(lock);
            changed.wait(held, [&] { return stock >= 3; });
            std::printf("bought %d\n", stock);
        });
        for (int i = 0; i < 3; ++i) {
            const std::unique_lock held(lock);
            ++stock;
            changed.notify_all();
        }
        coir::await(buyer);
    });
}
