// SPDX-License-Identifier: BSL-1.0
// 50 slow queries of libpq at once, as tasks of one thread; 20 connections at a time, for the server.
#include <coir/coir.hpp>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include <libpq-fe.h>

int ask(const char* where, int number) {
    PGconn* connection = PQconnectdb(where);
    const std::string query = "SELECT pg_sleep(0.1), 7 * " + std::to_string(number);
    PGresult* result = PQexec(connection, query.c_str());
    const bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (!good) std::fputs(PQerrorMessage(connection), stderr);
    const int answer = good ? std::atoi(PQgetvalue(result, 0, 1)) : 0;
    PQclear(result);
    PQfinish(connection);
    return answer;
}

int main(int argc, char** argv) {
    if (argc <= 1) return std::fprintf(stderr, "usage: %s CONNECTION_STRING\n", argv[0]), 2;
    coir::run([&] {
        coir::Semaphore connections(20);
        std::vector<coir::Task<int>> answers;
        for (int i = 0; i < 50; ++i) {
            answers.push_back(coir::create_task([&, i] {
                const std::scoped_lock one(connections);
                return ask(argv[1], i);
            }));
        }
        int sum = 0;
        for (auto& answer : answers) sum += coir::await(answer);
        std::printf("50 answers, sum %d\n", sum);
    });
}
