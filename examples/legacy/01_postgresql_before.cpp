// SPDX-License-Identifier: BSL-1.0
// 50 slow queries of libpq at once. Each has a thread.
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <thread>
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
    std::vector<int> answers(50);
    std::vector<std::thread> threads;
    for (int i = 0; i < 50; ++i) {
        threads.emplace_back([&, i] { answers[static_cast<std::size_t>(i)] = ask(argv[1], i); });
    }
    for (std::thread& thread : threads) thread.join();
    std::printf("50 answers, sum %d\n", std::accumulate(answers.begin(), answers.end(), 0));
}
