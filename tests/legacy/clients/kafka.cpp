// SPDX-License-Identifier: BSL-1.0
// librdkafka, whose own threads stay threads. [--job flush|deliver]
// flush: 20 x half a second for a message that no broker takes; deliver: to its built-in mock cluster.
#include "crowd.hpp"
#include "jobs.hpp"

int main(int argc, char** argv) {
    if (crowd::option(argc, argv, "job", "flush") == "deliver") {
        return crowd::main(argc, argv, {"librdkafka, mock cluster", 20, &jobs::kafka_deliver,
                                        &jobs::start_kafka});
    }
    return crowd::main(argc, argv, {"librdkafka", 20, &jobs::kafka_flush});
}
