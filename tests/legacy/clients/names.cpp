// SPDX-License-Identifier: BSL-1.0
// glibc's resolver: 500 names whose server takes a tenth of a second. [--numeric yes]
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    const bool numeric = crowd::option(argc, argv, "numeric", "no") == "yes";
    return crowd::main(argc, argv, {numeric ? "getaddrinfo, numeric" : "getaddrinfo", 500,
                                    [&](int number) { return jobs::name(number, numeric); }});
}
