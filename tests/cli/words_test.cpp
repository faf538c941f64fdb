// SPDX-License-Identifier: BSL-1.0
// Numbers, words and tables of the coir command.
#include "support/catch.hpp"

#include "command.hpp"
#include "numbers.hpp"
#include "table.hpp"
#include "text.hpp"

#include <cmath>

#include <string>

using namespace coir_tool;

TEST_CASE("cli: counts are whole, unsigned and in range", "[cli]") {
    CHECK(parse_count("--n", "1", 1, 10) == 1);
    CHECK(parse_count("--n", "010", 1, 10) == 10);
    CHECK(parse_count("--n", "18446744073709551615", 0, ~0ull) == ~0ull);
    for (const char* bad : {"", "0", "11", "-1", "+1", " 1", "1 ", "1e1", "1.0", "0x1", "one",
                            "18446744073709551616", "99999999999999999999999"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(parse_count("--n", bad, 1, 10), UsageError);
    }
}

TEST_CASE("cli: seconds have a unit or none, and no exponent", "[cli]") {
    CHECK(parse_seconds("--s", "2", 0, 10) == 2);
    CHECK(parse_seconds("--s", "0.25s", 0, 10) == 0.25);
    CHECK(parse_seconds("--s", "250ms", 0, 10) == 0.25);
    for (const char* bad : {"", "s", "ms", "-1", "+1", "nan", "inf", "1e1", "1.", ".1", "11", "1 s",
                            "1S", "1m", "1.5.5", "0x1"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(parse_seconds("--s", bad, 0, 10), UsageError);
    }
}

TEST_CASE("cli: near words are suggested, far ones are not", "[cli]") {
    const std::vector<std::string> words = {"switch", "spawn", "timers", "echo", "io_uring"};
    CHECK(did_you_mean("swtich", words) == "; did you mean 'switch'?");
    CHECK(did_you_mean("eco", words) == "; did you mean 'echo'?");
    CHECK(did_you_mean("timer", words) == "; did you mean 'timers'?");
    CHECK(did_you_mean("uring", words) == "; did you mean 'io_uring'?");
    CHECK(did_you_mean("", words).empty());
    CHECK(did_you_mean("reactors", words).empty());
    CHECK(did_you_mean(std::string(10'000, 's'), words).empty());
}

TEST_CASE("cli: quotes keep a message on one line", "[cli]") {
    CHECK(in_quotes("a\nb\x1b[31m") == "'a?b?[31m'");
    CHECK(in_quotes(std::string(1000, 'x')).size() < 130);
    CHECK(without_prefix("coir: two\nlines") == "two lines");
}

TEST_CASE("cli: numbers as people read them", "[cli]") {
    CHECK(format_ns(12.34) == "12.3 ns");
    CHECK(format_ns(999.96) == "1.00 us");
    CHECK(format_ns(1234) == "1.23 us");
    CHECK(format_ns(2.5e9) == "2.50 s");
    CHECK(format_short(934) == "934");
    CHECK(format_short(999.9) == "1.00k");
    CHECK(format_short(231'034) == "231k");
    CHECK(format_whole(1'234'567) == "1,234,567");
    CHECK(format_whole(999) == "999");
    CHECK(format_bytes(999) == "999 B");
    CHECK(format_bytes(4608) == "4.61 KB");
    CHECK(format_bytes(23.96e6) == "24.0 MB");
    CHECK(bar(std::nan(""), 4, true).empty());
}

TEST_CASE("cli: percent", "[cli]") {
    CHECK(parse_percent("--threshold", "5") == 5);
    CHECK(parse_percent("--threshold", "2.5%") == 2.5);
    for (const char* text : {"", "%", "-1", "0", "1e1", ".5", "5.", "5%%", "1001", "nan", " 5"}) {
        CHECK_THROWS_AS(parse_percent("--threshold", text), UsageError);
    }
}

TEST_CASE("cli: a table is aligned by characters, and drops empty columns", "[cli]") {
    Table table({{"name", false}, {"gone", false}, {"value", true}});
    table.add({{"a"}, {""}, {"±1"}});
    table.add({{"long"}, {""}, {"100"}});
    CHECK(table.format(false, 0) == "name  value\na        ±1\nlong    100\n");
    CHECK(bar(1, 4, false) == "####");
    CHECK(bar(0.5, 4, true) == "██");
    CHECK(width_of(bar(0.56, 4, true)) == 3);
    CHECK(wrapped("one two three", 2, 9) == "one two\n  three");
}
