// SPDX-License-Identifier: BSL-1.0
// What a loop's exception handler was told.
#pragma once

#include <coir/error.hpp>
#include <coir/event_loop.hpp>

#include <exception>
#include <string>
#include <vector>

namespace coir_test {

/// Attach it to a loop; it must outlive the loop.
struct Reports {
    struct Report {
        std::string message;
        std::string error;
        std::string created_at = {};
    };
    std::vector<Report> all;

    void attach(coir::EventLoop& loop) {
        loop.set_exception_handler([this](const coir::ExceptionContext& context) {
            Report report{context.message, "none", context.created_at};
            try {
                if (context.exception) std::rethrow_exception(context.exception);
            } catch (const std::exception& error) {
                report.error = error.what();
            } catch (const coir::CancelledError&) {
                report.error = "cancelled";
            }
            all.push_back(report);
        });
    }
};

}  // namespace coir_test
