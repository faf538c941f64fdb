// SPDX-License-Identifier: BSL-1.0
// A host asks a plugin, which blocks, for a hundred values at once, on one thread. This program is
// linked with libcoir alone: the plugin's calls are led to coir when it has been loaded.
#include <coir/coir.hpp>
#include <coir/legacy.hpp>

#include <cstdio>
#include <string>

#include <dlfcn.h>

int main(int argc, char** argv) {
    if (argc <= 1) return std::fprintf(stderr, "usage: %s PATH_OF_THE_LIBRARY\n", argv[0]), 2;
    void* const plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!plugin) return std::fprintf(stderr, "%s\n", dlerror()), 1;
    auto* const value = reinterpret_cast<int (*)(int)>(dlsym(plugin, "device_value"));
    const std::string path = argv[1];
    coir::legacy::patch(path.substr(path.rfind('/') + 1));
    coir::run([&] {
        int values[100], sum = 0;
        coir::with_task_group([&](coir::TaskGroup& group) {
            for (int i = 0; i < 100; ++i) {
                group.create_task([&, i] { values[i] = value(i); });
            }
        });
        for (const int one : values) sum += one;
        std::printf("%d\n", sum);
    });
}
