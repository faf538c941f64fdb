// SPDX-License-Identifier: BSL-1.0
#include "crowd.hpp"
#include "jobs.hpp"

#include <memory>
#include <stdexcept>

#include <curl/curl.h>

namespace jobs {
namespace {

std::size_t append(char* data, std::size_t, std::size_t size, void* body) {
    static_cast<std::string*>(body)->append(data, size);
    return size;
}

}  // namespace

void start_curl() { curl_global_init(CURL_GLOBAL_DEFAULT); }

std::string curl(int number, bool secure, const std::string& host) {
    const std::string url =
        std::string(secure ? "https" : "http") + "://" + host + ":" +
        crowd::port_from(secure ? "COIR_HTTPS_PORT" : "COIR_HTTP_PORT") + "/" +
        std::to_string(number);
    std::string body;
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                   &curl_easy_cleanup);
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &append);
    if (secure) {
        curl_easy_setopt(curl.get(), CURLOPT_CAINFO, crowd::port_from("COIR_CERTIFICATE").c_str());
    }
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) throw std::runtime_error(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) throw std::runtime_error("status " + std::to_string(status));
    return body;
}

}  // namespace jobs
