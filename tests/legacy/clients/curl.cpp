// SPDX-License-Identifier: BSL-1.0
// libcurl: pages that take a tenth of a second. [--scheme http|https] [--host address|name]
// With names, whose server takes a tenth of a second, too, libcurl has a thread of its own for each.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    if (crowd::option(argc, argv, "host", "address") == "name") {
        return crowd::main(argc, argv, {"libcurl, by name", 100, [](int number) {
            return jobs::curl(number, false, "page-" + std::to_string(number) + ".slow");
        }, &jobs::start_curl});
    }
    const bool secure = crowd::option(argc, argv, "scheme", "http") == "https";
    return crowd::main(argc, argv, {secure ? "libcurl, https" : "libcurl", secure ? 300 : 1000,
                                    [&](int number) { return jobs::curl(number, secure); },
                                    &jobs::start_curl});
}
