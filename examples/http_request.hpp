// SPDX-License-Identifier: BSL-1.0
// The head of an HTTP/1.1 request (RFC 9112), as http_hello.cpp needs it: strict, since two servers
// that read the same bytes differently are a hole.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace http {

/// The beginning of what a client has sent.
struct Request {
    std::size_t size = 0;     ///< of the head with its empty line; 0: it is not complete
    int refusal = 0;          ///< the status to answer with; the connection cannot go on then
    bool keep_alive = false;  ///< the client expects a further answer on this connection
    bool old = false;         ///< HTTP/1.0
    std::string_view target;
};

inline bool is_token_char(char c) {
    const char lower = static_cast<char>(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}
inline bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}
inline bool is_text(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
    });
}
inline bool same_word(std::string_view text, std::string_view lower_case) {
    return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}
inline std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}
/// Whether a list with commas has the word.
inline bool lists(std::string_view list, std::string_view lower_case) {
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        if (same_word(trim(list.substr(at, end - at)), lower_case)) return true;
        at = end + 1;
    }
    return false;
}

inline int parse_request_line(std::string_view line, Request& request) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return 400;
    const std::string_view method = line.substr(0, first);
    const std::string_view version = line.substr(last + 1);
    request.target = line.substr(first + 1, last - first - 1);
    const bool visible = std::all_of(request.target.begin(), request.target.end(),
                                     [](char c) { return c > ' ' && c < '\x7f'; });
    if (!is_token(method) || !visible || request.target.empty()) return 400;
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        return version.starts_with("HTTP/") ? 505 : 400;
    }
    request.old = version == "HTTP/1.0";
    request.keep_alive = !request.old;
    return method == "GET" ? 0 : 405;
}

inline int parse_field(std::string_view line, Request& request, int& hosts) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return 400;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    // A space before the colon, or a line that continues the one before, is none.
    if (!is_token(name) || !is_text(value)) return 400;
    if (same_word(name, "host")) ++hosts;
    // Content could be passed over, but a greeting needs none.
    if (same_word(name, "transfer-encoding")) return 413;
    if (same_word(name, "content-length")) {
        if (value.empty() || value.find_first_not_of("0123456789") != value.npos) return 400;
        if (value.find_first_not_of('0') != value.npos) return 413;
    }
    if (same_word(name, "connection")) {
        const bool closes = lists(value, "close");
        request.keep_alive = !closes && (request.keep_alive || lists(value, "keep-alive"));
    }
    return 0;
}

/// Reads the first request of `bytes`. `limit`: the longest head in bytes.
inline Request parse_request(std::string_view bytes, std::size_t limit) {
    Request request;
    const auto refused = [&request](int status) {
        request.refusal = status;
        return request;
    };
    std::size_t at = 0;
    while (bytes.substr(at).starts_with("\r\n")) at += 2;  // harmless before a request
    if (at < bytes.size() && bytes[at] != '\r' && !is_token_char(bytes[at])) return refused(400);
    int hosts = 0;
    for (bool first = true;; first = false) {
        const std::size_t end = bytes.find('\n', at);
        const std::size_t seen = end == std::string_view::npos ? bytes.size() : end + 1;
        if (seen > limit) return refused(431);
        if (end == std::string_view::npos) return request;
        if (end == at || bytes[end - 1] != '\r') return refused(400);
        const std::string_view line = bytes.substr(at, end - 1 - at);
        at = end + 1;
        if (line.empty()) break;
        const int refusal =
            first ? parse_request_line(line, request) : parse_field(line, request, hosts);
        if (refusal != 0) return refused(refusal);
    }
    if (hosts > 1 || (hosts == 0 && !request.old)) return refused(400);
    request.size = at;
    return request;
}

}  // namespace http
