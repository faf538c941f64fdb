// SPDX-License-Identifier: BSL-1.0
// libssh2: 40 sessions, each with a page that takes a tenth of a second, through a tunnel.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    return crowd::main(argc, argv, {"libssh2", 40, &jobs::ssh, &jobs::start_ssh});
}
