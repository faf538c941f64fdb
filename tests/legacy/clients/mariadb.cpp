// SPDX-License-Identifier: BSL-1.0
// libmariadb: 300 x connect and SLEEP(0.1).
#include "crowd.hpp"
#include "jobs.hpp"

#include <mysql.h>

int main(int argc, char** argv) {
    return crowd::main(argc, argv, {"libmariadb", 300, &jobs::mariadb,
                        [] { mysql_library_init(0, nullptr, nullptr); }});
}
