// SPDX-License-Identifier: BSL-1.0
// From exceptions to errno.
#include "capi.hpp"

#include <coir/await.hpp>

#include <stdexcept>
#include <system_error>

namespace coir::inline v0::detail::capi {

int error_of_current() noexcept {
    try {
        throw;
    } catch (const StackAllocError&) {
        return EAGAIN;
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    } catch (const DeadlockError&) {
        return EDEADLK;
    } catch (const Interrupted&) {
        return EINTR;
    } catch (const QueueShutDown&) {
        return EPIPE;
    } catch (const std::invalid_argument&) {
        return EINVAL;
    } catch (const std::length_error&) {
        return EINVAL;
    } catch (const std::logic_error&) {
        return EPERM;  // outside a task, in the wrong loop, in the wrong state
    } catch (...) {
        try {
            const std::error_condition meaning = current_exception_code().default_error_condition();
            return meaning.category() == std::generic_category() ? meaning.value() : EIO;
        } catch (...) {
            return ENOMEM;
        }
    }
}

}  // namespace coir::inline v0::detail::capi
