// SPDX-License-Identifier: BSL-1.0
// Whether markup is well-formed: every element closed where it should be, attributes in quotes and
// not twice, ids unique, known entities only, UTF-8. Stricter than HTML, where much may be left out.
#pragma once

#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace coir_test {

class MarkupChecker {
public:
    /// What is wrong first; empty: nothing.
    static std::string check(std::string_view text) {
        MarkupChecker checker(text);
        checker.run();
        return checker.error_;
    }

private:
    explicit MarkupChecker(std::string_view text) : rest_(text) {}

    void run() {
        constexpr std::string_view doctype = "<!DOCTYPE html>";
        if (!rest_.starts_with(doctype)) return fail("no doctype");
        rest_.remove_prefix(doctype.size());
        while (error_.empty() && !rest_.empty()) {
            if (rest_.front() == '<') tag();
            else character();
        }
        if (error_.empty() && !open_.empty()) fail("not closed: " + open_.back());
    }

    void character() {
        const auto letter = static_cast<unsigned char>(rest_.front());
        if (letter == '&') return entity();
        if (letter < 0x20 && letter != '\n') return fail("a control character");
        if (letter == '>' && (open_.empty() || open_.back() != "style")) return fail("a bare >");
        std::size_t length = letter < 0x80 ? 1 : letter >= 0xF0 ? 4 : letter >= 0xE0 ? 3 : 2;
        if (length > 1 && (letter < 0xC2 || letter > 0xF4)) return fail("no UTF-8");
        for (std::size_t i = 1; i < length; ++i) {
            const bool follows = i < rest_.size() && (static_cast<unsigned char>(rest_[i]) & 0xC0) == 0x80;
            if (!follows) return fail("no UTF-8");
        }
        rest_.remove_prefix(length);
    }

    void entity() {
        for (const std::string_view known : {"&amp;", "&lt;", "&gt;", "&quot;", "&#160;"}) {
            if (rest_.starts_with(known)) return rest_.remove_prefix(known.size());
        }
        fail("an unknown entity");
    }

    std::string name() {
        std::size_t length = 0;
        while (length < rest_.size() &&
               (std::isalnum(static_cast<unsigned char>(rest_[length])) || rest_[length] == '-')) {
            ++length;
        }
        std::string result(rest_.substr(0, length));
        rest_.remove_prefix(length);
        return result;
    }

    bool take(std::string_view expected) {
        if (!rest_.starts_with(expected)) return false;
        rest_.remove_prefix(expected.size());
        return true;
    }

    void tag() {
        if (take("</")) {
            const std::string closed = name();
            if (open_.empty() || open_.back() != closed) return fail("closes " + closed);
            open_.pop_back();
            if (!take(">")) fail("no > after " + closed);
            return;
        }
        take("<");
        const std::string opened = name();
        if (opened.empty()) return fail("a bare <");
        std::set<std::string> seen;
        while (error_.empty() && take(" ")) attribute(seen);
        if (!error_.empty()) return;
        if (take("/>")) return;
        if (!take(">")) return fail("no > in " + opened);
        open_.push_back(opened);
    }

    void attribute(std::set<std::string>& seen) {
        const std::string key = name();
        if (key.empty() || !seen.insert(key).second) return fail("an attribute twice or none: " + key);
        if (!take("=\"")) return fail("no quotes after " + key);
        const std::size_t begin = rest_.size();
        const std::string_view all = rest_;
        while (error_.empty() && !rest_.empty() && rest_.front() != '"') {
            if (rest_.front() == '<') return fail("a < in " + key);
            character();
        }
        const std::string value(all.substr(0, begin - rest_.size()));
        if (key == "id" && !ids_.insert(value).second) return fail("two ids " + value);
        if (!take("\"")) fail("an open " + key);
    }

    void fail(const std::string& what) {
        if (error_.empty()) error_ = what + " before: " + std::string(rest_.substr(0, 80));
    }

    std::string_view rest_;
    std::vector<std::string> open_;
    std::set<std::string> ids_;
    std::string error_;
};

}  // namespace coir_test
