// SPDX-License-Identifier: BSL-1.0
// Slow pages with libcurl's easy interface, all at once on one thread.
#include <coir/coir.hpp>
#include <cstdio>
#include <string>

#include <curl/curl.h>

std::size_t count(char*, std::size_t, std::size_t size, void* total) {
    *static_cast<std::size_t*>(total) += size;
    return size;
}

std::size_t fetch(const std::string& url) {
    std::size_t size = 0;
    CURL* curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &count);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &size);
    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) std::fprintf(stderr, "%s\n", curl_easy_strerror(code));
    curl_easy_cleanup(curl);
    return size;
}

int main(int argc, char** argv) {
    if (argc <= 1) return std::fprintf(stderr, "usage: %s URL_PREFIX\n", argv[0]), 2;
    std::size_t bytes = 0;
    coir::run([&] {
        coir::with_task_group([&](coir::TaskGroup& pages) {
            for (int i = 10; i < 30; ++i) {
                pages.create_task([&, i] { bytes += fetch(argv[1] + std::to_string(i)); });
            }
        });
    });
    std::printf("20 pages, %zu bytes\n", bytes);
}
