// SPDX-License-Identifier: BSL-1.0
#include "crowd.hpp"
#include "jobs.hpp"

#include <memory>
#include <stdexcept>

#include <libpq-fe.h>

namespace jobs {

std::string postgresql(int number, const std::string& security) {
    const std::string where = "host=127.0.0.1 port=" + crowd::port_from("COIR_POSTGRESQL_PORT") +
                              " user=coir dbname=postgres sslmode=" + security;
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(where.c_str()),
                                                                  &PQfinish);
    if (PQstatus(connection.get()) != CONNECTION_OK) {
        throw std::runtime_error(PQerrorMessage(connection.get()));
    }
    if ((security == "require") != (PQsslInUse(connection.get()) != 0)) {
        throw std::runtime_error("not as secure as it should be");
    }
    const std::string query = "SELECT pg_sleep(0.1), " + std::to_string(number) + " * 7";
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection.get(), query.c_str()), &PQclear);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
        throw std::runtime_error(PQerrorMessage(connection.get()));
    }
    return PQgetvalue(result.get(), 0, 1);
}

}  // namespace jobs
