// SPDX-License-Identifier: BSL-1.0
// coir::legacy::patch() and its counterparts in C: finds libcoir-legacy and lets it do the work.
#include <coir/coir.h>
#include <coir/legacy.hpp>
#include <coir/log.hpp>
#include <coir/version.hpp>

#include "capi/capi.hpp"
#include "legacy/patch.hpp"

#include <atomic>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <string>
#include <system_error>

#include <dlfcn.h>

// There when libcoir-legacy is linked or preloaded, and in static programs.
#pragma weak coir_legacy_patch
#pragma weak coir_legacy_unpatch

namespace coir::inline v0::legacy {
namespace {

#define COIR_TEXT_OF(number) #number
#define COIR_TEXT(number) COIR_TEXT_OF(number)
constexpr const char* file_name = "libcoir-legacy.so.0." COIR_TEXT(COIR_VERSION_MINOR);

std::atomic<bool> anything_patched{false};

constexpr Calls known = Calls::io | Calls::sleep | Calls::dns | Calls::locks | Calls::keys |
                        Calls::proc | Calls::stdio | Calls::files;
static_assert(static_cast<unsigned>(known) == (COIR_IO | COIR_SLEEP | COIR_DNS | COIR_LOCKS | COIR_KEYS |
                                               COIR_PROC | COIR_STDIO | COIR_FILES));
static_assert(static_cast<unsigned>(Calls::all) == COIR_ALL &&
              (known | Calls::all) == known);
// Empty: it can be done.
std::string what_is_wrong(const char* pattern, Calls what) {
    if (!pattern || *pattern == '\0') return "the pattern is empty";
    const unsigned groups = static_cast<unsigned>(what);
    if (groups == 0) return "no group of calls is named";
    if ((groups & ~static_cast<unsigned>(known)) != 0) return std::to_string(groups) + " has bits that name no group of calls";
    return {};
}

// The loader knows libraries by paths, and this by file names.
std::string hint_for(const std::string& pattern) {
    const std::size_t slash = pattern.rfind('/');
    if (slash == std::string::npos) return "; load it before it is patched";
    return "; a file name is wanted, without folders: '" + pattern.substr(slash + 1) + "'";
}

void warn_of_blocking_locks(const std::string& pattern, Calls what) {
    const unsigned groups = static_cast<unsigned>(what);
    if ((groups & (COIR_IO | COIR_SLEEP | COIR_DNS | COIR_PROC)) == 0 || (groups & COIR_LOCKS) != 0) return;
    detail::log_once(LogLevel::warning, "coir: patch: '" + pattern + "' without locks: a task that waits with a mutex of "
                     "libc's that it took there deadlocks with the next one that wants it");
}

struct Library {
    decltype(&coir_legacy_patch) patch = nullptr;
    decltype(&coir_legacy_unpatch) unpatch = nullptr;
};

[[noreturn]] void refuse(const std::string& why) {
    throw std::runtime_error("coir: patch: " + why);
}

// The folder of this library, with its slash.
std::string own_folder() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0 || !info.dli_fname) return {};
    const std::string path = info.dli_fname;
    const std::size_t slash = path.rfind('/');
    const std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
    if (name.compare(0, 10, "libcoir.so") != 0) {
        refuse("this program contains a copy of libcoir; link libcoir-legacy.a into it, too");
    }
    return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

// Its wrappers replace nothing by being loaded: libc stands before it.
void* load() {
    const std::string folder = own_folder();
    // Installed, and in a build.
    for (const std::string& from : {folder, folder + "runtime/legacy/"}) {
        if (void* handle = ::dlopen((from + file_name).c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
    }
    if (void* handle = ::dlopen(file_name, RTLD_NOW | RTLD_LOCAL)) return handle;
    const char* error = ::dlerror();
    refuse("it needs " + std::string(file_name) + ", looked for in " + folder +
           " and where the loader looks: " + (error ? error : "not found"));
}

Library library() {
    if (&coir_legacy_patch) return {&coir_legacy_patch, &coir_legacy_unpatch};
    void* handle = load();
    Library found;
    found.patch = reinterpret_cast<decltype(found.patch)>(::dlsym(handle, "coir_legacy_patch"));
    found.unpatch = reinterpret_cast<decltype(found.unpatch)>(::dlsym(handle, "coir_legacy_unpatch"));
    if (!found.patch || !found.unpatch) refuse(std::string(file_name) + " is of another version");
    return found;
}

}  // namespace

Patched patch(const std::string& pattern, Calls what) {
    if (const std::string wrong = what_is_wrong(pattern.c_str(), what); !wrong.empty()) {
        throw std::invalid_argument("coir: patch: " + wrong);
    }
    constexpr unsigned always = 8;  // what keeps the view of descriptors true
    const auto result = library().patch(pattern.c_str(), static_cast<unsigned>(what) | always);
    if (result.error != 0) {
        throw std::system_error(result.error, std::generic_category(),
                                "coir: patching '" + pattern + "'");
    }
    if (result.libraries == 0) {
        throw std::invalid_argument(
            "coir: patch: " + (result.refused != 0 ? "'" + pattern + "' is libc or coir, which are "
                                                     "never patched"
                                                   : "no loaded library is named '" + pattern +
                                                         "'" + hint_for(pattern)));
    }
    anything_patched.store(true);
    if (result.calls != 0) warn_of_blocking_locks(pattern, what);
    return {result.libraries, result.calls};
}

void unpatch() {
    if (!anything_patched.load()) return;
    const int error = library().unpatch();
    if (error != 0) throw std::system_error(error, std::generic_category(), "coir: unpatching");
}

}  // namespace coir::inline v0::legacy

namespace {

// f(), with what it throws as a line in the log and an errno.
template <class F>
int told(F&& f) noexcept {
    const auto fail = [](const std::exception& error, int number) {
        coir::detail::log(coir::LogLevel::error, error.what());
        return coir::detail::capi::fail(number);
    };
    try {
        return f();
    } catch (const std::bad_alloc&) {
        return coir::detail::capi::fail(ENOMEM);
    } catch (const std::invalid_argument& error) {
        return fail(error, ENOENT);
    } catch (const std::system_error& error) {
        return fail(error, error.code().value());
    } catch (const std::runtime_error& error) {
        return fail(error, ELIBACC);
    } catch (...) {
        return coir::detail::capi::fail(EIO);
    }
}

}  // namespace

extern "C" {

int coir_patch_library(const char* pattern, unsigned what) {
    const auto groups = static_cast<coir::legacy::Calls>(what);
    return told([&] {
        if (const std::string wrong = coir::legacy::what_is_wrong(pattern, groups); !wrong.empty()) {
            coir::detail::log(coir::LogLevel::error, "coir: coir_patch_library: " + wrong);
            return coir::detail::capi::fail(EINVAL);
        }
        const auto done = coir::legacy::patch(pattern, groups);
        constexpr auto most = std::size_t{std::numeric_limits<int>::max()};
        return static_cast<int>(done.calls < most ? done.calls : most);
    });
}

int coir_unpatch(void) {
    return told([] {
        coir::legacy::unpatch();
        return 0;
    });
}

}  // extern "C"
