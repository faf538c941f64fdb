// SPDX-License-Identifier: BSL-1.0
#include "crowd.hpp"
#include "jobs.hpp"

#include <memory>
#include <stdexcept>

#include <hiredis/hiredis.h>

namespace jobs {
namespace {

using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

template <class... Arguments>
Reply command(redisContext* connection, const char* format, Arguments... arguments) {
    Reply reply(static_cast<redisReply*>(redisCommand(connection, format, arguments...)),
                &freeReplyObject);
    if (!reply) throw std::runtime_error(connection->errstr);
    if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(reply->str);
    return reply;
}

}  // namespace

std::string redis(int number) {
    const int port = std::stoi(crowd::port_from("COIR_REDIS_PORT"));
    const std::unique_ptr<redisContext, decltype(&redisFree)> connection(
        redisConnect("127.0.0.1", port), &redisFree);
    if (!connection) throw std::runtime_error("no memory");
    if (connection->err != 0) throw std::runtime_error(connection->errstr);
    std::string all;
    for (int i = 0; i < 10; ++i) {
        command(connection.get(), "SET key:%d:%d value-%d", number, i, number * i);
    }
    for (int i = 0; i < 10; ++i) {
        all += command(connection.get(), "GET key:%d:%d", number, i)->str;
        all += ' ';
    }
    const Reply nothing = command(connection.get(), "BLPOP empty:%d 1", number);
    return all + (nothing->type == REDIS_REPLY_NIL ? "nothing" : "something");
}

}  // namespace jobs
