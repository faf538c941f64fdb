// SPDX-License-Identifier: BSL-1.0
// The conformance matrix on one reactor: conformance-matrix-tests epoll [--row NAME | --document]
#include "conformance/matrix/matrix.hpp"

#include "support/own_reactor.hpp"

#include <coir/reactors.hpp>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

std::string unusable(const std::string& wanted) {
    for (const coir::ReactorInfo& info : coir::list_reactors()) {
        if (info.name == wanted) return info.usable ? "" : info.reason;
    }
    return "no such reactor";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--document") {
        std::fputs(coir_matrix::format_expectations().c_str(), stdout);
        return 0;
    }
    if (argc != 2 && !(argc == 4 && std::string_view(argv[2]) == "--row")) {
        std::fprintf(stderr, "usage: %s REACTOR [--row NAME] | --document\n", argv[0]);
        return 2;
    }
    coir_matrix::Request request;
    request.reactor = argv[1];
    if (argc == 4) request.row = argv[3];
    const std::string obstacle = unusable(request.reactor);
    if (!obstacle.empty()) {
        std::printf("skipped: reactor %s: %s\ncoir-tests: 0 passed, 0 failed, 1 skipped\n",
                    argv[1], obstacle.c_str());
        return 77;
    }
    const auto cells = coir_matrix::run(request);
    std::fputs(coir_matrix::format_table(cells, request.reactor).c_str(), stdout);
    unsigned passed = 0;
    unsigned failed = 0;
    for (const coir_matrix::Cell& cell : cells) {
        if (cell.expected.applies) ++(cell.passed ? passed : failed);
    }
    std::printf("coir-tests: %u passed, %u failed, 0 skipped\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
