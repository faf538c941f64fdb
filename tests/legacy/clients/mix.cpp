// SPDX-License-Identifier: BSL-1.0
// A mixed load: PostgreSQL, HTTP, MariaDB, HTTPS and plain sleeping, 100 of each, on one thread.
#include "crowd.hpp"
#include "jobs.hpp"

#include <chrono>
#include <thread>

#include <mysql.h>

int main(int argc, char** argv) {
    return crowd::main(argc, argv, {"mix", 500, [](int number) -> std::string {
        switch (number % 5) {
            case 0: return jobs::postgresql(number, "disable");
            case 1: return jobs::curl(number, false);
            case 2: return jobs::mariadb(number);
            case 3: return jobs::curl(number, true);
            default: std::this_thread::sleep_for(std::chrono::milliseconds(100)); return "slept";
        }
    }, [] {
        jobs::start_curl();
        mysql_library_init(0, nullptr, nullptr);
    }});
}
