// SPDX-License-Identifier: BSL-1.0
// coir_run.
#include "capi.hpp"

#include <coir/log.hpp>
#include <coir/run.hpp>
#include <coir/version.hpp>

#include <stdexcept>
#include <string>

namespace capi = coir::detail::capi;

namespace {

// False: not a valid one.
bool read_options(const coir_options* from, coir::RunOptions& to) {
    if (!from) return true;
    if (from->size < sizeof *from) return false;
    if (from->reactor) to.reactor = from->reactor;
    if (from->stack_size != 0) to.stack_size = from->stack_size;
    if (from->main_stack_size != 0) to.main_stack_size = from->main_stack_size;
    to.max_threads = from->max_threads;
    to.debug = from->debug != 0;
    if (from->fail_on_deadlock != 0) to.on_deadlock = coir::OnDeadlock::fail;
    return true;
}

int run_main(const capi::Body& body, coir::RunOptions options) {
    coir::Runner runner(std::move(options));
    try {
        runner.loop();
    } catch (const std::invalid_argument&) {
        throw;
    } catch (const std::runtime_error& error) {
        if (dynamic_cast<const coir::StackAllocError*>(&error)) throw;
        coir::detail::log(coir::LogLevel::error, error.what());
        return ENOSYS;
    }
    runner.run(body);
    // Its main function cannot be ended, only asked, so that it may have returned as always.
    const bool interrupted = runner.loop().scheduler().interrupted_by() != 0;
    runner.close();
    return interrupted ? EINTR : 0;
}

}  // namespace

extern "C" {

int coir_run(void (*fn)(void*), void* arg, const coir_options* options) {
    if (!fn) return capi::fail(EINVAL);
    int error = 0;
    const int done = capi::guard([&] {
        coir::RunOptions given;
        if (!read_options(options, given)) {
            error = EINVAL;
        } else if (coir::try_get_running_loop()) {
            error = EPERM;
        } else {
            error = run_main({fn, arg}, std::move(given));
        }
    });
    if (done < 0) return -1;
    return error == 0 ? 0 : capi::fail(error);
}

const char* coir_version(void) { return COIR_VERSION; }

}  // extern "C"
