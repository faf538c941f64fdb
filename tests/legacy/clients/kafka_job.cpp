// SPDX-License-Identifier: BSL-1.0
#include "jobs.hpp"

#include <memory>
#include <stdexcept>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

namespace jobs {
namespace {

using Producer = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

std::string brokers;  // of the mock cluster

void set(rd_kafka_conf_t* settings, const char* name, const std::string& value) {
    char error[256];
    if (rd_kafka_conf_set(settings, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) {
        throw std::runtime_error(error);
    }
}

// Where the message got to is what the callback is told, in the producer's opaque pointer.
void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* where) {
    if (where) *static_cast<rd_kafka_resp_err_t*>(where) = message->err;
}

Producer producer(const std::string& servers, rd_kafka_resp_err_t* outcome) {
    rd_kafka_conf_t* const settings = rd_kafka_conf_new();
    set(settings, "bootstrap.servers", servers);
    set(settings, "log_level", "0");
    rd_kafka_conf_set_dr_msg_cb(settings, &delivered);
    rd_kafka_conf_set_opaque(settings, outcome);
    char error[256];
    Producer made(rd_kafka_new(RD_KAFKA_PRODUCER, settings, error, sizeof error), &rd_kafka_destroy);
    if (!made) throw std::runtime_error(error);
    return made;
}

void produce(const Producer& to, int number) {
    std::string text = "message " + std::to_string(number);
    rd_kafka_vu_t parts[3]{};
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = "numbers";
    parts[1].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[1].u.i = RD_KAFKA_MSG_F_COPY;
    parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[2].u.mem.ptr = text.data();
    parts[2].u.mem.size = text.size();
    const std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)> error(
        rd_kafka_produceva(to.get(), parts, 3), &rd_kafka_error_destroy);
    if (error) throw std::runtime_error(rd_kafka_error_string(error.get()));
}

}  // namespace

void start_kafka() {
    rd_kafka_resp_err_t* const nowhere = nullptr;
    rd_kafka_t* const owner = producer("127.0.0.1:1", nowhere).release();  // until the process ends
    brokers = rd_kafka_mock_cluster_bootstraps(rd_kafka_mock_cluster_new(owner, 1));
}

std::string kafka_deliver(int number) {
    rd_kafka_resp_err_t outcome = RD_KAFKA_RESP_ERR_UNKNOWN;
    const Producer to = producer(brokers, &outcome);
    produce(to, number);
    rd_kafka_flush(to.get(), 20000);
    return rd_kafka_err2name(outcome);
}

std::string kafka_flush(int number) {
    const Producer to = producer("127.0.0.1:1", nullptr);
    produce(to, number);
    const rd_kafka_resp_err_t error = rd_kafka_flush(to.get(), 500);
    rd_kafka_purge(to.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT) throw std::runtime_error("it was delivered");
    return rd_kafka_err2name(error);
}

}  // namespace jobs
