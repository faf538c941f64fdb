// SPDX-License-Identifier: BSL-1.0
// libpq: 100 x connect and pg_sleep(0.1). [--security disable|require]
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    const std::string security = crowd::option(argc, argv, "security", "disable");
    return crowd::main(argc, argv, {security == "require" ? "libpq, TLS" : "libpq", 100, [&](int number) {
                                        return jobs::postgresql(number, security);
                                    }});
}
