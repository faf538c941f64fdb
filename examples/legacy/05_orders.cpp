// SPDX-License-Identifier: BSL-1.0
// A transaction over two kinds of servers, 20 times at once. Each is a task of one thread.
#include <coir/coir.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <hiredis/hiredis.h>
#include <libpq-fe.h>

// One order: a number from Redis, a transaction that waits for all others in PostgreSQL, and the
// news of it for Redis again.
void order(const char* database, int port) {
    redisContext* redis = redisConnect("127.0.0.1", port);
    auto* number = static_cast<redisReply*>(redisCommand(redis, "INCR orders"));
    PGconn* connection = PQconnectdb(database);
    const std::string insert = "BEGIN; SELECT pg_advisory_xact_lock(1), pg_sleep(0.01), " +
                               std::to_string(number->integer) + "; COMMIT";
    PQclear(PQexec(connection, insert.c_str()));
    if (PQerrorMessage(connection)[0] == 0) freeReplyObject(redisCommand(redis, "INCR done"));
    PQfinish(connection);
    freeReplyObject(number);
    redisFree(redis);
}

int main(int argc, char** argv) {
    if (argc <= 2) return std::fprintf(stderr, "usage: %s CONNECTION_STRING REDIS_PORT\n", argv[0]), 2;
    const int port = std::atoi(argv[2]);
    coir::run([&] {
        coir::with_task_group([&](coir::TaskGroup& orders) {
            for (int i = 0; i < 20; ++i) orders.create_task([&] { order(argv[1], port); });
        });
        redisContext* redis = redisConnect("127.0.0.1", port);
        auto* done = static_cast<redisReply*>(redisCommand(redis, "GET done"));
        std::printf("%s orders are done\n", done->str);
        freeReplyObject(done);
        redisFree(redis);
    });
}
