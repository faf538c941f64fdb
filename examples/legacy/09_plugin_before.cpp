// SPDX-License-Identifier: BSL-1.0
// A host asks a plugin, which blocks, for a hundred values. To do it at once it needs as many threads.
#include <cstdio>
#include <thread>
#include <vector>

#include <dlfcn.h>

int main(int argc, char** argv) {
    if (argc <= 1) return std::fprintf(stderr, "usage: %s PATH_OF_THE_LIBRARY\n", argv[0]), 2;
    void* const plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!plugin) return std::fprintf(stderr, "%s\n", dlerror()), 1;
    auto* const value = reinterpret_cast<int (*)(int)>(dlsym(plugin, "device_value"));
    int values[100], sum = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 100; ++i) {
        threads.emplace_back([&, i] { values[i] = value(i); });
    }
    for (auto& thread : threads) thread.join();
    for (const int one : values) sum += one;
    std::printf("%d\n", sum);
}
