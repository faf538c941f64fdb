// SPDX-License-Identifier: BSL-1.0
// examples/mini_redis.cpp: the protocol, the commands, and limits.
#include <coir/detail/config.hpp>
#include <vector>

#include "example_server.hpp"
#include "support/catch.hpp"

using namespace server_test;

namespace {

const char* const program = "COIR_TEST_MINI_REDIS";

std::string command(const std::vector<std::string>& words) {
    std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
        bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    return bytes;
}
std::string bulk(const std::string& bytes) {
    return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n";
}

/// Sends lines of words, and returns the replies.
std::string say(const ExampleServer& server, const std::string& lines) {
    return server.answer(lines, true);
}

}  // namespace

TEST_CASE("mini_redis: strings and counters") {
    ExampleServer server(program);
    CHECK(say(server, "PING\r\nping hi\nEcho x\r\n") == "+PONG\r\n$2\r\nhi\r\n$1\r\nx\r\n");
    CHECK(say(server, "GET k\r\nSET k 1\r\nGET k\r\nSET k 2\r\nGET k\r\n") ==
          "$-1\r\n+OK\r\n$1\r\n1\r\n+OK\r\n$1\r\n2\r\n");
    CHECK(say(server, "EXISTS k k no\r\nDEL k no\r\nEXISTS k\r\n") == ":2\r\n:1\r\n:0\r\n");
    CHECK(say(server, "INCR n\r\nINCR n\r\nINCRBY n -5\r\nGET n\r\n") ==
          ":1\r\n:2\r\n:-3\r\n$2\r\n-3\r\n");
    const std::string refused = "-ERR the value is not an integer or out of range\r\n";
    for (const char* value : {"abc", "1.5", "007", "+1", "-0", "1x", "9223372036854775808"}) {
        CAPTURE(value);
        CHECK(say(server, std::string("SET s ") + value + "\r\nINCR s\r\nGET s\r\n") ==
              "+OK\r\n" + refused + bulk(value));
        CHECK(say(server, std::string("INCRBY n ") + value + "\r\n") == refused);
    }
    CHECK(say(server, "SET s 9223372036854775807\r\nINCR s\r\nINCRBY s -1\r\n") ==
          "+OK\r\n-ERR the sum is out of range\r\n:9223372036854775806\r\n");
}

TEST_CASE("mini_redis: lists") {
    ExampleServer server(program);
    CHECK(say(server, "RPUSH l c d\r\nLPUSH l b a\r\nLRANGE l 0 -1\r\n") ==
          ":2\r\n:4\r\n*4\r\n" + bulk("a") + bulk("b") + bulk("c") + bulk("d"));
    const std::string none = "*0\r\n";
    const std::string all = "*4\r\n" + bulk("a") + bulk("b") + bulk("c") + bulk("d");
    const std::pair<const char*, std::string> ranges[] = {
        {"-100 100", all},
        {"1 2", "*2\r\n" + bulk("b") + bulk("c")},
        {"-2 -1", "*2\r\n" + bulk("c") + bulk("d")},
        {"3 3", "*1\r\n" + bulk("d")},
        {"2 1", none},
        {"4 9", none},
        {"0 -5", none},
        {"-9223372036854775808 -9223372036854775808", none},
        {"-9223372036854775808 9223372036854775807", all},
    };
    for (const auto& [range, expected] : ranges) {
        CAPTURE(range);
        CHECK(say(server, std::string("LRANGE l ") + range + "\r\n") == expected);
    }
    CHECK(say(server, "LRANGE no 0 -1\r\nLPOP no\r\nLPOP no 2\r\n") == "*0\r\n$-1\r\n*-1\r\n");
    CHECK(say(server, "LPOP l\r\nLPOP l 2\r\nLPOP l 0\r\nLPOP l 9\r\nEXISTS l\r\n") ==
          "$1\r\na\r\n*2\r\n" + bulk("b") + bulk("c") + "*0\r\n*1\r\n" + bulk("d") + ":0\r\n");
    CHECK(say(server, "LPOP l -1\r\nLRANGE l x 1\r\n") ==
          "-ERR the count is negative\r\n-ERR the value is not an integer or out of range\r\n");
}

TEST_CASE("mini_redis: other types, unknown commands, numbers of arguments") {
    ExampleServer server(program);
    const std::string wrong = "-WRONGTYPE the key holds a value of another type\r\n";
    CHECK(say(server, "SET s x\r\nRPUSH l x\r\n") == "+OK\r\n:1\r\n");
    CHECK(say(server, "GET l\r\nINCR l\r\nLPUSH s x\r\nRPUSH s x\r\nLPOP s\r\nLRANGE s 0 1\r\n") ==
          repeated(wrong, 6));
    CHECK(say(server, "GET s\r\nSET l y\r\nGET l\r\n") == "$1\r\nx\r\n+OK\r\n$1\r\ny\r\n");
    for (const char* line :
         {"ECHO", "ECHO a b", "PING a b", "SET k", "SET k v x", "GET", "GET a b", "DEL", "EXISTS",
          "INCR", "INCRBY k", "LPUSH k", "RPUSH k", "LPOP", "LPOP k 1 2", "LRANGE k 1", "CONFIG"}) {
        CAPTURE(line);
        CHECK(say(server, std::string(line) + "\r\n")
                  .starts_with("-ERR wrong number of arguments for '"));
    }
    CHECK(say(server, "FROB x\r\n") == "-ERR unknown command 'FROB'\r\n");
    // A name must not end the reply's line.
    CHECK(server.answer(command({"A\r\n+OK"}), true) == "-ERR unknown command 'A??+OK'\r\n");
    CHECK(say(server, std::string(500, 'x') + "\r\n") ==
          "-ERR unknown command '" + std::string(32, 'X') + "'\r\n");
    CHECK(say(server, "COMMAND\r\nCOMMAND DOCS\r\nCONFIG GET save\r\n") == repeated("*0\r\n", 3));
    CHECK(say(server, "CONFIG SET a b\r\n").starts_with("-ERR "));
}

TEST_CASE("mini_redis: any bytes, in pieces and in one piece") {
    ExampleServer server(program);
    const std::string nasty("\0\r\n$3\r\n*1\xff ", 11);
    const std::string set = command({"SET", nasty, nasty + nasty});
    const std::string get = command({"GET", nasty});
    CHECK(server.answer(set + get, true) == "+OK\r\n" + bulk(nasty + nasty));
    Client client = server.connect();
    for (const char byte : set + get) client.send(std::string(1, byte));
    client.end_output();
    CHECK(client.receive(1000) == "+OK\r\n" + bulk(nasty + nasty));
    const std::string large(5 << 20, 'L');
    CHECK(server.answer(command({"SET", "large", large}) + command({"GET", "large"}), true) ==
          "+OK\r\n" + bulk(large));
    CHECK(server.answer("\r\n\n*0\r\n*-1\r\nPING\r\n", true) == "+PONG\r\n");
}

TEST_CASE("mini_redis: a long pipeline is answered in order") {
    ExampleServer server(program);
    std::string commands;
    std::string replies;
    for (int i = 1; i <= 50'000; ++i) {
        commands += command({"INCR", "n"});
        replies += ":" + std::to_string(i) + "\r\n";
    }
    Client client = server.connect();
    CHECK(client.send_and_receive(commands, replies.size()) == replies);
    // Few bytes that ask for many: what is answered must not pile up.
    const std::string large(1 << 20, 'L');
    CHECK(client.send_and_receive(command({"SET", "large", large}), 5) == "+OK\r\n");
    Client lazy = server.connect();
    const std::string gets = repeated(command({"GET", "large"}), 2000);
    CHECK(lazy.send_without_reading(64 << 20, gets) > 0);
    CHECK(client.send_and_receive("PING\r\n", 7) == "+PONG\r\n");
    // A sanitizer keeps what was freed.
    if (!COIR_ASAN && !COIR_TSAN) CHECK(server.memory() < 256 << 20);
}

TEST_CASE("mini_redis: what violates the protocol ends the connection") {
    ExampleServer server(program);
    for (const std::string& bytes :
         {std::string("*x\r\n"), std::string("*\r\n"), std::string("*4097\r\n"),
          std::string("*99999999999999999999\r\n"), std::string("*1\r\nPING\r\n"),
          std::string("*1\r\n$\r\n"), std::string("*1\r\n$-1\r\n"),
          std::string("*1\r\n$8388609\r\n"), std::string("*1\r\n$4\r\nPINGxx"),
          std::string(70'000, 'x'), "*" + std::string(70'000, '1'),
          "*1\r\n$" + std::string(70'000, '1')}) {
        CAPTURE(bytes.substr(0, 40));
        const std::string answer = server.answer("PING\r\n" + bytes + "PING\r\n");
        CHECK(answer.starts_with("+PONG\r\n-ERR Protocol error: "));
        CHECK(count(answer, "\r\n") == 2);
    }
    // Each argument is allowed, and all together are not.
    const std::string part(8 << 20, 'x');
    const std::string answer =
        server.answer("*4\r\n$4\r\nECHO\r\n" + bulk(part) + "$8388608\r\n" + part.substr(0, 1000));
    CHECK(answer.starts_with("-ERR Protocol error: "));
    CHECK(say(server, "PING\r\n") == "+PONG\r\n");
}

TEST_CASE("mini_redis: SIGTERM ends it in order") {
    ExampleServer server(program);
    Client idle = server.connect();
    CHECK(idle.exchange("PING\r\n").size() == 6);
    const End end = server.stop();
    CHECK(end.in_time);
    CHECK(end.status == 0);
    CHECK(server.errors().empty());
}
