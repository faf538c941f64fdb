// SPDX-License-Identifier: BSL-1.0
// SQLite. [--job own|shared] own: 50 databases. shared: one connection for all callers, which waits,
// with its mutex held, whenever one of them has the database locked by another connection.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    if (crowd::option(argc, argv, "job", "own") == "shared") {
        return crowd::main(argc, argv, {"libsqlite3, shared", 50, &jobs::sqlite_shared,
                                        &jobs::start_sqlite_shared});
    }
    return crowd::main(argc, argv, {"libsqlite3", 50, &jobs::sqlite_own});
}
