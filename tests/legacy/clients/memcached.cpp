// SPDX-License-Identifier: BSL-1.0
// libmemcached: 1000 x connect, set and get. Nothing in it is slow: it is about results.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    return crowd::main(argc, argv, {"libmemcached", 1000, &jobs::memcached});
}
