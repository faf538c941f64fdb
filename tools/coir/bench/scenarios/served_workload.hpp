// SPDX-License-Identifier: BSL-1.0
// What workloads of a server and its connections have in common.
#pragma once

#include "bench/served.hpp"

#include "support/echo_load.hpp"

#include <coir/stream.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace coir_tool {

/// What the command line says of one such workload.
struct ServedPlan {
    std::size_t connections = 64;
    std::size_t size = 64;   ///< bytes of a message
    bool ring_load = false;  ///< the load generator may use io_uring: see can_load_by_ring()
};

/// One case, on the axis of connections; how to measure it is the caller's to set.
Workload connections_workload(std::string scenario, std::string title, const ServedPlan& plan);

/// Makes the server of a subject, and what it needs besides, calls `use`, and ends all that.
using WithServer = std::function<void(InterruptWatch&, const Subject&, double seconds,
                                      const std::function<void(const Served&)>& use)>;
/// The same with such servers to be measured.
Workload served_workload(std::string scenario, std::string title, const ServedPlan& plan,
                         const WithServer& with_server);
/// The same with servers that need nothing besides.
Workload served_workload(std::string scenario, std::string title, const ServedPlan& plan,
                         const std::function<Served(const Subject&)>& server);

/// "64 connections".
std::string connections_phrase(std::size_t count);
/// "messages of 64 bytes".
std::string messages_phrase(std::size_t size);
/// Bytes of a server's buffer for such messages.
std::size_t buffer_for(std::size_t size);

/// A closed-loop load on io_uring or, where the plan has it or there is none, on epoll.
std::unique_ptr<coir_bench::Load> closed_loop(const coir_bench::EchoLoadPlan& plan, bool ring_load);
/// The plan of a load for such a server.
coir_bench::EchoLoadPlan echo_load_plan(const ServedPlan& plan, coir_bench::Endpoint server);

/// Runs `body` on a loop on the reactor of that name.
void run_on(const std::string& reactor, const std::function<void()>& body);

using StreamHandler = std::function<void(coir::Stream&)>;
/// Serves TCP on loopback with coir until this process is killed.
void serve_streams(const std::string& reactor, const StreamHandler& handler, const Ready& ready);

}  // namespace coir_tool
