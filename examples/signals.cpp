// SPDX-License-Identifier: BSL-1.0
// A graceful end: SIGHUP reads the configuration again, SIGTERM lets the work in hand be finished.
#include <coir/coir.hpp>

#include <chrono>
#include <csignal>
#include <iostream>

#include <unistd.h>

using namespace std::chrono_literals;

int main() {
    coir::run([] {
        coir::Queue<int> jobs;
        auto worker = coir::create_task([&] {
            try {
                while (true) {
                    const int job = jobs.get();
                    coir::sleep(1ms);
                    std::cout << "job " << job << " done\n";
                    // In a real program somebody else sends them: `kill -TERM`, systemd, Kubernetes.
                    if (job == 2) ::kill(::getpid(), SIGHUP);
                    if (job == 3) ::kill(::getpid(), SIGTERM);
                }
            } catch (const coir::QueueShutDown&) {
                std::cout << "all jobs done\n";
            }
        });

        coir::SignalStream signals({SIGHUP, SIGTERM});
        for (int job = 1; job <= 3; ++job) jobs.put(job);

        while (signals.next() != SIGTERM) std::cout << "configuration read again\n";
        std::cout << "no new jobs\n";
        jobs.shutdown();  // what is in is still worked off
        coir::await(worker);
    });
    std::cout << "bye\n";
}
