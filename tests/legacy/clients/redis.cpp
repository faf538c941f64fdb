// SPDX-License-Identifier: BSL-1.0
// hiredis: 1000 connections, each with 20 operations and a BLPOP of a second.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    return crowd::main(argc, argv, {"hiredis", 1000, &jobs::redis});
}
