// SPDX-License-Identifier: BSL-1.0
#include "crowd.hpp"
#include "jobs.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>

#include <sqlite3.h>
#include <unistd.h>

namespace jobs {
namespace {

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;

constexpr int busy_milliseconds = 20000;

// A new name for each run of the program: the folder is that of several.
std::string file(const std::string& name) {
    return crowd::port_from("COIR_CLIENT_FOLDER") + "/" + name + "-" + std::to_string(::getpid()) + ".db";
}

Database open(const std::string& path) {
    sqlite3* made = nullptr;
    const int result = sqlite3_open_v2(path.c_str(), &made, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                       SQLITE_OPEN_FULLMUTEX, nullptr);
    Database database(made, &sqlite3_close);
    if (result != SQLITE_OK) throw std::runtime_error(sqlite3_errstr(result));
    sqlite3_busy_timeout(made, busy_milliseconds);
    return database;
}

int take_first_column(void* where, int, char** values, char**) {
    *static_cast<std::string*>(where) = values[0] ? values[0] : "null";
    return 0;
}

std::string run(const Database& database, const std::string& statements) {
    std::string result;
    char* error = nullptr;
    if (sqlite3_exec(database.get(), statements.c_str(), &take_first_column, &result, &error) != SQLITE_OK) {
        const std::string text = error ? error : "?";
        sqlite3_free(error);
        throw std::runtime_error(text);
    }
    return result;
}

Database& shared() {
    static Database made = open(file("shared"));
    return made;
}

void lock_for_a_while() {
    const Database other = open(file("shared"));
    run(other, "BEGIN IMMEDIATE");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    run(other, "COMMIT");
}

}  // namespace

std::string sqlite_own(int number) {
    const std::string path = file("own-" + std::to_string(number));
    const Database database = open(path);
    run(database, "CREATE TABLE numbers(n INTEGER)");
    run(database, "BEGIN");
    for (int i = 0; i < 20; ++i) {
        run(database, "INSERT INTO numbers VALUES(" + std::to_string(number * i) + ")");
    }
    run(database, "COMMIT");
    const std::string sum = run(database, "SELECT sum(n) FROM numbers");
    ::unlink(path.c_str());
    return sum;
}

void start_sqlite_shared() {
    run(shared(), "CREATE TABLE numbers(n INTEGER, square INTEGER)");
}

std::string sqlite_shared(int number) {
    if (number % 10 == 0) {
        lock_for_a_while();
        return "locked it";
    }
    const std::string n = std::to_string(number);
    run(shared(), "INSERT INTO numbers VALUES(" + n + ", " + n + " * " + n + ")");
    return run(shared(), "SELECT square FROM numbers WHERE n = " + n);
}

}  // namespace jobs
