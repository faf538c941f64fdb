// SPDX-License-Identifier: BSL-1.0
// libzmq: 200 requests to a server that answers after a tenth of a second. The library's own threads
// stay threads.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    return crowd::main(argc, argv, {"libzmq", 200, &jobs::zmq, &jobs::start_zmq});
}
