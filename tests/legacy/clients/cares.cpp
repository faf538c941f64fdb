// SPDX-License-Identifier: BSL-1.0
// c-ares: 500 names whose server takes a tenth of a second.
#include "crowd.hpp"
#include "jobs.hpp"

#include <ares.h>

int main(int argc, char** argv) {
    return crowd::main(argc, argv, {"c-ares", 500, &jobs::cares,
                                    [] { ares_library_init(ARES_LIB_INIT_ALL); }});
}
