// SPDX-License-Identifier: BSL-1.0
// 50 slow queries of MariaDB's client library at once. Each has a thread.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <mysql.h>

int ask(unsigned port, int number) {
    MYSQL* connection = mysql_init(nullptr);
    int answer = 0;
    const std::string query = "SELECT SLEEP(0.1), 3 * " + std::to_string(number);
    if (mysql_real_connect(connection, "127.0.0.1", "root", "", nullptr, port, nullptr, 0) &&
        mysql_query(connection, query.c_str()) == 0) {
        MYSQL_RES* result = mysql_store_result(connection);
        answer = std::atoi(mysql_fetch_row(result)[1]);
        mysql_free_result(result);
    } else {
        std::fprintf(stderr, "%s\n", mysql_error(connection));
    }
    mysql_close(connection);
    return answer;
}

int main(int argc, char** argv) {
    if (argc <= 1) return std::fprintf(stderr, "usage: %s PORT\n", argv[0]), 2;
    const auto port = static_cast<unsigned>(std::atoi(argv[1]));
    std::atomic<int> sum = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 50; ++i) threads.emplace_back([&, i] { sum += ask(port, i); });
    for (std::thread& thread : threads) thread.join();
    std::printf("50 answers, sum %d\n", sum.load());
}
