// SPDX-License-Identifier: BSL-1.0
// Workers that wait for jobs in Redis with hiredis. Each is a task of one thread.
#include <coir/coir.hpp>
#include <cstdio>
#include <cstdlib>

#include <hiredis/hiredis.h>

// Takes numbers from a list, and waits in the server while there is none, until it finds a zero.
void work(int port, long& sum) {
    redisContext* redis = redisConnect("127.0.0.1", port);
    for (long number = 1; number != 0; sum += number) {
        auto* reply = static_cast<redisReply*>(redisCommand(redis, "BRPOP jobs 0"));
        number = reply && reply->elements == 2 ? std::atol(reply->element[1]->str) : 0;
        freeReplyObject(reply);
    }
    redisFree(redis);
}

void put(redisContext* redis, int number) {
    freeReplyObject(redisCommand(redis, "LPUSH jobs %d", number));
}

int main(int argc, char** argv) {
    if (argc <= 1) return std::fprintf(stderr, "usage: %s PORT\n", argv[0]), 2;
    const int port = std::atoi(argv[1]);
    long sum = 0;
    coir::run([&] {
        coir::with_task_group([&](coir::TaskGroup& workers) {
            for (int i = 0; i < 10; ++i) workers.create_task([&] { work(port, sum); });
            redisContext* redis = redisConnect("127.0.0.1", port);
            for (int i = 1; i <= 100; ++i) put(redis, i);
            for (int i = 0; i < 10; ++i) put(redis, 0);
            redisFree(redis);
        });
    });
    std::printf("the jobs make %ld\n", sum);
}
