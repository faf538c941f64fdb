// SPDX-License-Identifier: BSL-1.0
// Children that never outlive their block, and all of their errors.
#include <coir/coir.hpp>

#include <chrono>
#include <cstdio>
#include <stdexcept>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        int done = 0;
        coir::with_task_group([&done](coir::TaskGroup& group) {
            for (int i = 0; i < 10; ++i) {
                // References are safe: the block waits for its children.
                group.create_task([&done, i] {
                    coir::sleep(std::chrono::milliseconds(i));
                    ++done;
                });
            }
        });
        std::printf("%d children done\n", done);

        try {
            coir::with_task_group([](coir::TaskGroup& group) {
                group.create_task([] {
                    coir::sleep(1ms);
                    throw std::runtime_error("disk full");
                });
                group.create_task([] {
                    try {
                        coir::sleep(1h);
                    } catch (const coir::CancelledError&) {
                        std::puts("a sibling was cancelled");
                        throw;
                    }
                });
            });
        } catch (const coir::ExceptionGroup& errors) {
            std::printf("%zu error in the group\n", errors.exceptions().size());
        }
    });
}
