// SPDX-License-Identifier: BSL-1.0
// RESP2, the protocol of Redis, as mini_redis.cpp needs it: reading commands and writing replies.
// Strings may hold any bytes.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace resp {

inline constexpr std::size_t longest_string = 8 << 20;    // bytes
inline constexpr std::size_t longest_command = 16 << 20;  // bytes
inline constexpr long most_words = 4096;
inline constexpr std::size_t longest_inline = 64 << 10;   // bytes of a line

/// The beginning of what a client has sent.
struct Command {
    std::size_t size = 0;                 ///< bytes; 0: it is not complete
    std::vector<std::string_view> words;  ///< point into the bytes; none: an empty line
    const char* error = nullptr;          ///< the protocol is violated; the connection cannot go on
};

inline std::optional<long> number_of(std::string_view text) {
    long number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    // As it would be written: no "007", no "-0", no "+1".
    if (parsed.ec != std::errc() || std::to_string(number) != text) return {};
    return number;
}

/// A cursor over what has come.
class Reader {
public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}
    std::size_t at() const { return at_; }
    /// Up to the next line feed, without it and a CR before it; nothing when that has not come.
    std::optional<std::string_view> line() {
        const std::size_t end = bytes_.substr(at_, longest_inline).find('\n');
        if (end == std::string_view::npos) return {};
        std::string_view line = bytes_.substr(at_, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        at_ += end + 1;
        return line;
    }
    bool has_long_line() const { return bytes_.size() - at_ >= longest_inline; }
    /// So many bytes and CR LF.
    std::optional<std::string_view> string(std::size_t size) {
        if (bytes_.size() - at_ < size + 2) return {};
        at_ += size + 2;
        return bytes_.substr(at_ - size - 2, size);
    }
    bool ended_with_crlf() const { return bytes_.substr(at_ - 2, 2) == "\r\n"; }

private:
    std::string_view bytes_;
    std::size_t at_ = 0;
};

inline void split_at_blanks(std::string_view line, std::vector<std::string_view>& words) {
    for (std::size_t at = 0; (at = line.find_first_not_of(" \t", at)) != line.npos;) {
        const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
        words.push_back(line.substr(at, end - at));
        at = end;
    }
}

/// "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n", or a line of words: "ECHO hi\r\n".
inline Command parse_command(std::string_view bytes) {
    Command command;
    const auto refused = [&command](const char* error) {
        command.error = error;
        return command;
    };
    Reader reader(bytes);
    const auto incomplete = [&](const char* error) {
        if (reader.has_long_line()) command.error = error;
        return command;
    };
    const auto first = reader.line();
    if (!first) return incomplete("the line is too long");
    if (!first->starts_with('*')) {
        split_at_blanks(*first, command.words);
        command.size = reader.at();
        return command;
    }
    const auto count = number_of(first->substr(1));
    if (!count || *count > most_words) return refused("invalid number of arguments");
    for (long i = 0; i < *count; ++i) {
        const auto head = reader.line();
        if (!head) return incomplete("invalid length of an argument");
        if (!head->starts_with('$')) return refused("'$' was expected before an argument");
        const auto length = number_of(head->substr(1));
        if (!length || *length < 0) return refused("invalid length of an argument");
        const auto size = static_cast<std::size_t>(*length);
        if (size > longest_string || reader.at() + size > longest_command) {
            return refused("an argument is too long");
        }
        const auto word = reader.string(size);
        if (!word) return command;
        if (!reader.ended_with_crlf()) return refused("CR LF was expected behind an argument");
        command.words.push_back(*word);
    }
    command.size = reader.at();
    return command;
}

// --- Replies ---

inline void simple(std::string& out, std::string_view text) { (out += '+').append(text) += "\r\n"; }
/// `text` begins with a word in capitals: "ERR ...". What would break the line becomes '?'.
inline void error(std::string& out, std::string_view text) {
    out += '-';
    for (const char c : text) out += static_cast<unsigned char>(c) < ' ' ? '?' : c;
    out += "\r\n";
}
inline void integer(std::string& out, long number) {
    (out += ':').append(std::to_string(number)) += "\r\n";
}
inline void bulk(std::string& out, std::string_view bytes) {
    (out += '$').append(std::to_string(bytes.size())) += "\r\n";
    out.append(bytes) += "\r\n";
}
inline void null(std::string& out) { out += "$-1\r\n"; }
/// So many replies follow.
inline void array(std::string& out, std::size_t size) {
    (out += '*').append(std::to_string(size)) += "\r\n";
}

}  // namespace resp
