// SPDX-License-Identifier: BSL-1.0
#include "crowd.hpp"
#include "jobs.hpp"

#include <memory>
#include <stdexcept>

#include <mysql.h>

namespace jobs {

std::string mariadb(int number) {
    const unsigned port = static_cast<unsigned>(std::stoul(crowd::port_from("COIR_MARIADB_PORT")));
    const std::unique_ptr<MYSQL, decltype(&mysql_close)> connection(mysql_init(nullptr),
                                                                    &mysql_close);
    if (!mysql_real_connect(connection.get(), "127.0.0.1", "root", "", nullptr, port, nullptr, 0)) {
        throw std::runtime_error(mysql_error(connection.get()));
    }
    const std::string query = "SELECT SLEEP(0.1), " + std::to_string(number) + " * 3";
    if (mysql_query(connection.get(), query.c_str()) != 0) {
        throw std::runtime_error(mysql_error(connection.get()));
    }
    const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(
        mysql_store_result(connection.get()), &mysql_free_result);
    const MYSQL_ROW row = result ? mysql_fetch_row(result.get()) : nullptr;
    if (!row) throw std::runtime_error(mysql_error(connection.get()));
    return row[1];
}

}  // namespace jobs
