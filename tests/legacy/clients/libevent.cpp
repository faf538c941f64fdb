// SPDX-License-Identifier: BSL-1.0
// libevent: 300 event loops, one per caller, each for a page that takes a tenth of a second.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    return crowd::main(argc, argv, {"libevent", 300, &jobs::libevent});
}
