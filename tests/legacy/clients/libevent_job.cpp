// SPDX-License-Identifier: BSL-1.0
#include "crowd.hpp"
#include "jobs.hpp"

#include <memory>
#include <stdexcept>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

namespace jobs {
namespace {

struct Page {
    int status = 0;
    std::string body;
};

void take(evhttp_request* request, void* where) {
    if (!request) return;
    Page& page = *static_cast<Page*>(where);
    page.status = evhttp_request_get_response_code(request);
    evbuffer* const input = evhttp_request_get_input_buffer(request);
    page.body.resize(evbuffer_get_length(input));
    evbuffer_remove(input, page.body.data(), page.body.size());
}

}  // namespace

std::string libevent(int number) {
    const std::unique_ptr<event_base, decltype(&event_base_free)> base(event_base_new(),
                                                                       &event_base_free);
    const auto port = static_cast<std::uint16_t>(std::stoi(crowd::port_from("COIR_HTTP_PORT")));
    const std::unique_ptr<evhttp_connection, decltype(&evhttp_connection_free)> connection(
        evhttp_connection_base_new(base.get(), nullptr, "127.0.0.1", port), &evhttp_connection_free);
    Page page;
    evhttp_request* const request = evhttp_request_new(&take, &page);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Host", "localhost");
    evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    const std::string path = "/" + std::to_string(number);
    if (evhttp_make_request(connection.get(), request, EVHTTP_REQ_GET, path.c_str()) != 0) {
        throw std::runtime_error("no request");
    }
    event_base_dispatch(base.get());
    if (page.status != 200) throw std::runtime_error("status " + std::to_string(page.status));
    return page.body;
}

}  // namespace jobs
