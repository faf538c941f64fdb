// SPDX-License-Identifier: BSL-1.0
// Patching single libraries at run time. This program is linked with libcoir alone: nothing of what
// is called here suspends a task unless it was patched.
#include "support/catch.hpp"
#include "support/run.hpp"

#include <coir/coir.h>
#include <coir/coir.hpp>
#include <coir/legacy.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t callers = 5;

// The library, loaded as a program would load a plugin. It has one name per way to build it.
class Plugin {
public:
    explicit Plugin(const std::string& variant, int flags = RTLD_NOW | RTLD_LOCAL)
        : name("libpatch-plugin-" + variant + ".so"),
          handle_(::dlopen((std::string(COIR_TEST_PLUGINS "/") + name).c_str(), flags)) {
        if (!handle_) throw std::runtime_error(::dlerror());
    }
    Plugin(const Plugin&) = delete;
    Plugin& operator=(const Plugin&) = delete;
    ~Plugin() { ::dlclose(handle_); }

    template <class F>
    F* function(const char* symbol) const {
        auto* found = reinterpret_cast<F*>(::dlsym(handle_, symbol));
        if (!found) throw std::runtime_error(symbol);
        return found;
    }
    // How many tasks are in this function of the library at once.
    int most_inside(const char* symbol) const {
        auto* nap = function<int(int)>(symbol);
        std::vector<coir::Task<int>> tasks;
        for (std::size_t i = 0; i < callers; ++i) {
            tasks.push_back(coir::create_task([nap] { return nap(5); }));
        }
        for (auto& task : tasks) CHECK(coir::await(task) == 0);
        return function<int()>("plugin_most_inside")();
    }

    const std::string name;

private:
    void* handle_;
};

struct Unpatch {
    ~Unpatch() { coir::legacy::unpatch(); }
};

const auto all_callers = static_cast<int>(callers);

}  // namespace

TEST_CASE("patch: calls of a chosen library suspend the task, and no longer after unpatch", "[patch]") {
    for (const char* variant : {"lazy", "now", "noplt"}) {
        INFO(variant);
        const Plugin plugin(variant);
        coir_test::run_in_loop([&] {
            const Unpatch at_end;
            CHECK(plugin.most_inside("plugin_nap") == 1);
            const coir::legacy::Patched done = coir::legacy::patch(plugin.name);
            CHECK(done.libraries == 1);
            CHECK(done.calls >= 3);  // usleep, poll, read
            CHECK(plugin.most_inside("plugin_nap") == all_callers);
            CHECK(plugin.most_inside("plugin_nap_by_pointer") == all_callers);
            CHECK(coir::legacy::patch(plugin.name).calls == 0);  // all of it is done
            coir::legacy::unpatch();
            CHECK(plugin.most_inside("plugin_nap") == 1);
            CHECK(plugin.most_inside("plugin_nap_by_pointer") == 1);
            CHECK(coir::legacy::patch(plugin.name).calls == done.calls);
        });
    }
}

TEST_CASE("patch: reaches a library that was loaded with RTLD_DEEPBIND", "[patch]") {
    if (COIR_ASAN) COIR_SKIP("AddressSanitizer refuses RTLD_DEEPBIND");
    const Plugin plugin("now", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    coir_test::run_in_loop([&] {
        const Unpatch at_end;
        CHECK(coir::legacy::patch(plugin.name).libraries == 1);
        CHECK(plugin.most_inside("plugin_nap") == all_callers);
    });
}

TEST_CASE("patch: a client's poll and read wait for a task that answers", "[patch]") {
    const Plugin plugin("lazy");
    coir_test::run_in_loop([&] {
        const Unpatch at_end;
        CHECK(coir::legacy::patch("libpatch-plugin-*").libraries == 1);
        int pair[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
        auto answer = coir::create_task([&] { CHECK(::write(pair[1], "!", 1) == 1); });
        char byte = 0;
        CHECK(plugin.function<int(int, char*)>("plugin_answer")(pair[0], &byte) == 1);
        CHECK(byte == '!');
        coir::await(answer);
        ::close(pair[0]);
        ::close(pair[1]);
    });
}

TEST_CASE("patch: only the groups that are asked for", "[patch]") {
    using coir::legacy::Calls;
    const Plugin plugin("lazy");
    coir_test::run_in_loop([&] {
        const Unpatch at_end;
        coir::legacy::patch(plugin.name, Calls::io);
        CHECK(plugin.most_inside("plugin_nap") == 1);
        CHECK(coir::legacy::patch(plugin.name, Calls::sleep | Calls::dns).calls >= 1);
        CHECK(plugin.most_inside("plugin_nap") == all_callers);
    });
}

TEST_CASE("patch: outside tasks a patched library blocks its thread as ever", "[patch]") {
    const Unpatch at_end;
    const Plugin plugin("now");
    coir::legacy::patch(plugin.name);
    const auto start = std::chrono::steady_clock::now();
    CHECK(plugin.function<int(int)>("plugin_nap")(5) == 0);
    CHECK(std::chrono::steady_clock::now() - start >= 5ms);
}

TEST_CASE("patch: what it refuses, it says", "[patch]") {
    CHECK_THROWS_AS(coir::legacy::patch(""), std::invalid_argument);
    CHECK_THROWS_AS(coir::legacy::patch("*", coir::legacy::Calls{}), std::invalid_argument);
    CHECK_THROWS_WITH(coir::legacy::patch("libnowhere.so.7"),
                      Catch::Matchers::Contains("no loaded library is named 'libnowhere.so.7'"));
    CHECK_THROWS_WITH(coir::legacy::patch("libc.so.6"), Catch::Matchers::Contains("never patched"));
    CHECK_THROWS_WITH(coir::legacy::patch("libcoir.so*"), Catch::Matchers::Contains("never patched"));
}

TEST_CASE("patch: a library that was unloaded does not matter to unpatch", "[patch]") {
    auto plugin = std::make_unique<Plugin>("noplt");
    CHECK(coir::legacy::patch(plugin->name).calls >= 3);
    plugin.reset();
    CHECK_NOTHROW(coir::legacy::unpatch());
}

TEST_CASE("patch: everything at once, the program itself included", "[patch]") {
    coir_test::run_in_loop([&] {
        const Unpatch at_end;
        CHECK(coir::legacy::patch("*").libraries >= 2);  // libstdc++ at least
        // usleep of this program's own.
        int inside = 0, most = 0;
        std::vector<coir::Task<void>> tasks;
        for (std::size_t i = 0; i < callers; ++i) {
            tasks.push_back(coir::create_task([&] {
                most = std::max(most, ++inside);
                ::usleep(5000);
                --inside;
            }));
        }
        for (auto& task : tasks) coir::await(task);
        CHECK(most == all_callers);
    });
}

TEST_CASE("patch: the same in C", "[patch]") {
    const Plugin plugin("lazy");
    coir_test::LogCapture lines;
    CHECK(coir_patch_library(nullptr, COIR_ALL) == -1);
    CHECK(errno == EINVAL);
    CHECK(coir_patch_library("*", 1u << 20) == -1);
    CHECK(errno == EINVAL);
    CHECK(coir_patch_library("libnowhere.so.7", COIR_ALL) == -1);
    CHECK(errno == ENOENT);
    CHECK(lines.count("libnowhere.so.7") == 1);
    CHECK(coir_patch_library(plugin.name.c_str(), COIR_IO | COIR_SLEEP) >= 3);
    coir_test::run_in_loop([&] { CHECK(plugin.most_inside("plugin_nap") == all_callers); });
    CHECK(coir_unpatch() == 0);
    CHECK(coir_unpatch() == 0);
}
