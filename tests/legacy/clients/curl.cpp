// SPDX-License-Identifier: BSL-1.0
// libcurl: pages that take a tenth of a second. [--scheme http|https]
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    const bool secure = crowd::option(argc, argv, "scheme", "http") == "https";
    return crowd::main(argc, argv,
                       {secure ? "libcurl-https" : "libcurl", secure ? 300 : 1000,
                        [&](int number) { return jobs::curl(number, secure); },
                        &jobs::start_curl});
}
