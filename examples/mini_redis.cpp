// SPDX-License-Identifier: BSL-1.0
// A server that speaks the protocol of Redis: strings, counters and lists in memory. Tasks of one
// thread take turns only where they wait, so a command is atomic without a lock.
//
//   mini_redis                serves a client of its own and ends
//   mini_redis --port 6379    until Ctrl-C; try redis-cli, or redis-benchmark -t ping,set,get,lpush
#include <coir/coir.hpp>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "resp.hpp"
#include "small_server.hpp"

using List = std::deque<std::string>;
using Words = std::vector<std::string_view>;

// Looked up by what a command says, without a copy of it.
struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
};
using Database =
    std::unordered_map<std::string, std::variant<std::string, List>, Hash, std::equal_to<>>;

struct WrongType {};
struct Refused {
    std::string why;
};

// What a key holds; null when there is no such key. Throws WrongType when that is something else.
template <class Type>
Type* find(Database& data, std::string_view key) {
    const auto found = data.find(key);
    if (found == data.end()) return nullptr;
    if (Type* value = std::get_if<Type>(&found->second)) return value;
    throw WrongType();
}
template <class Type>
Type& find_or_make(Database& data, std::string_view key) {
    if (Type* value = find<Type>(data, key)) return *value;
    return std::get<Type>(data.emplace(key, Type()).first->second);
}

long number(std::string_view text) {
    if (const auto value = resp::number_of(text)) return *value;
    throw Refused{"ERR the value is not an integer or out of range"};
}

// --- Commands: words[0] is the command's name. ---

void ping(Database&, const Words& words, std::string& out) {
    words.size() == 1 ? resp::simple(out, "PONG") : resp::bulk(out, words[1]);
}
void echo(Database&, const Words& words, std::string& out) { resp::bulk(out, words[1]); }

void set(Database& data, const Words& words, std::string& out) {
    const auto found = data.find(words[1]);
    if (found == data.end()) {
        data.emplace(words[1], std::string(words[2]));
    } else {
        found->second = std::string(words[2]);
    }
    resp::simple(out, "OK");
}
void get(Database& data, const Words& words, std::string& out) {
    const auto* value = find<std::string>(data, words[1]);
    value ? resp::bulk(out, *value) : resp::null(out);
}
void del(Database& data, const Words& words, std::string& out) {
    long count = 0;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto found = data.find(words[i]);
        if (found == data.end()) continue;
        data.erase(found);
        ++count;
    }
    resp::integer(out, count);
}
void exists(Database& data, const Words& words, std::string& out) {
    resp::integer(out, std::count_if(words.begin() + 1, words.end(), [&](std::string_view key) {
                      return data.find(key) != data.end();
                  }));
}
void incrby(Database& data, const Words& words, std::string& out) {
    const long by = words.size() > 2 ? number(words[2]) : 1;
    const auto* before = find<std::string>(data, words[1]);
    long sum = 0;
    if (__builtin_add_overflow(before ? number(*before) : 0, by, &sum)) {
        throw Refused{"ERR the sum is out of range"};
    }
    find_or_make<std::string>(data, words[1]) = std::to_string(sum);
    resp::integer(out, sum);
}
void lpush(Database& data, const Words& words, std::string& out) {
    List& list = find_or_make<List>(data, words[1]);
    for (std::size_t i = 2; i < words.size(); ++i) list.emplace_front(words[i]);
    resp::integer(out, static_cast<long>(list.size()));
}
void rpush(Database& data, const Words& words, std::string& out) {
    List& list = find_or_make<List>(data, words[1]);
    list.insert(list.end(), words.begin() + 2, words.end());
    resp::integer(out, static_cast<long>(list.size()));
}
void lpop(Database& data, const Words& words, std::string& out) {
    const long most = words.size() > 2 ? number(words[2]) : 1;
    if (most < 0) throw Refused{"ERR the count is negative"};
    List* list = find<List>(data, words[1]);
    if (!list) return words.size() > 2 ? void(out += "*-1\r\n") : resp::null(out);
    const std::size_t count = std::min(list->size(), static_cast<std::size_t>(most));
    if (words.size() > 2) resp::array(out, count);
    for (std::size_t i = 0; i < count; ++i) {
        resp::bulk(out, list->front());
        list->pop_front();
    }
    if (list->empty()) data.erase(data.find(words[1]));  // there are no empty lists
}
void lrange(Database& data, const Words& words, std::string& out) {
    const List* list = find<List>(data, words[1]);
    const long size = list ? static_cast<long>(list->size()) : 0;
    // Negative numbers count from behind: -1 is the last one.
    const auto place = [size](long index) { return index < 0 ? index + size : index; };
    const long first = std::max(place(number(words[2])), 0L);
    const long until = std::min(place(number(words[3])), size - 1) + 1;
    resp::array(out, static_cast<std::size_t>(std::max(until - first, 0L)));
    for (long i = first; i < until; ++i) resp::bulk(out, (*list)[static_cast<std::size_t>(i)]);
}
void command(Database&, const Words&, std::string& out) { resp::array(out, 0); }
void config(Database&, const Words& words, std::string& out) {
    if (words[1] != "GET" && words[1] != "get") throw Refused{"ERR only CONFIG GET is known"};
    resp::array(out, 0);
}

struct Known {
    std::size_t least, most;  // words
    void (*run)(Database&, const Words&, std::string&);
};
constexpr std::size_t any = resp::most_words;
const std::unordered_map<std::string, Known> commands = {
    {"PING", {1, 2, ping}},       {"ECHO", {2, 2, echo}},       {"SET", {3, 3, set}},
    {"GET", {2, 2, get}},         {"DEL", {2, any, del}},       {"EXISTS", {2, any, exists}},
    {"INCR", {2, 2, incrby}},     {"INCRBY", {3, 3, incrby}},   {"LPUSH", {3, any, lpush}},
    {"RPUSH", {3, any, rpush}},   {"LPOP", {2, 3, lpop}},       {"LRANGE", {4, 4, lrange}},
    {"COMMAND", {1, any, command}}, {"CONFIG", {2, any, config}},
};

void run(Database& data, const Words& words, std::string& out) {
    std::string name(words[0].substr(0, 32));
    for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    const auto known = commands.find(name);
    if (known == commands.end()) return resp::error(out, "ERR unknown command '" + name + "'");
    if (words.size() < known->second.least || words.size() > known->second.most) {
        return resp::error(out, "ERR wrong number of arguments for '" + name + "'");
    }
    try {
        known->second.run(data, words, out);
    } catch (const WrongType&) {
        resp::error(out, "WRONGTYPE the key holds a value of another type");
    } catch (const Refused& refused) {
        resp::error(out, refused.why);
    }
}

// --- Connections ---

// Runs every complete command of the input; false when the connection ends with that.
bool answer(Database& data, Input& input, std::string& out) {
    std::size_t done = 0;
    bool goes_on = true;
    // What is answered is sent before it grows without bounds.
    while (goes_on && done < input.bytes().size() && out.size() < (1 << 20)) {
        const resp::Command next = resp::parse_command(input.bytes().substr(done));
        goes_on = !next.error;
        if (next.error) resp::error(out, std::string("ERR Protocol error: ") + next.error);
        if (next.size == 0) break;
        if (!next.words.empty()) run(data, next.words, out);
        done += next.size;
    }
    input.drop(done);
    return goes_on;
}

void serve(Database& data, coir::Stream& client) {
    Input input;
    std::string out;  // the replies to commands that came together go out together
    try {
        while (input.fill(client)) {
            do {
                out.clear();
                if (!answer(data, input, out)) return client.write(out);
                client.write(out);
            } while (out.size() >= (1 << 20));
        }
    } catch (const coir::IoError&) {
        // The client is gone.
    }
}

void talk_to(int port) {
    coir::Stream stream = coir::open_connection("127.0.0.1", port);
    stream.write("PING\r\nSET n 41\r\nINCR n\r\n*2\r\n$3\r\nGET\r\n$1\r\nn\r\n"
                 "RPUSH list b c\r\nLPUSH list a\r\nLRANGE list 0 -1\r\nLPOP list\r\n"
                 "INCR list\r\nGET nothing\r\nEXISTS n list nothing\r\nDEL n\r\nFROB\r\n"
                 "*1\r\nPING\r\n");
    while (const auto line = stream.readline()) std::printf("%s", line->c_str());
}

int main(int argc, char** argv) {
    Database data;
    return server_main(
        argc, argv, [&data](coir::Stream& client) { serve(data, client); }, talk_to);
}
