// SPDX-License-Identifier: BSL-1.0
// The page of `coir bench report --html`: what is in it, whatever the results are.
#include "support/catch.hpp"

#include "markup_checker.hpp"

#include "bench/html/latency_figure.hpp"
#include "bench/html/markup.hpp"
#include "bench/html/scale.hpp"
#include "bench/html_report.hpp"

#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>
#include <string>
#include <vector>

using namespace coir_tool;
using coir_test::MarkupChecker;

namespace {

const std::vector<double> steady = {100, 101, 99, 100, 102};

Series series_of(const std::string& name, const std::vector<double>& values,
                 Subject::Kind kind = Subject::Kind::reactor) {
    Series series{{name, kind, {}, {}}, {}, {}, {}};
    for (const double value : values) {
        Sample sample;
        sample.value = value;
        series.rounds.push_back(sample);
    }
    return series;
}

std::vector<double> times(std::vector<double> values, double factor) {
    for (double& value : values) value *= factor;
    return values;
}

CaseResult case_of(const std::string& scenario, const CaseInfo& info, std::vector<Series> series) {
    CaseResult result{scenario, "what " + scenario + " does", info, 0, std::move(series)};
    for (const Series& one : result.series) result.rounds = std::max(result.rounds, one.rounds.size());
    return result;
}

CaseResult echo_case(double connections, std::vector<Series> series) {
    return case_of("echo", {format_fixed(connections, 0) + " connections", "requests/s", true,
                            "connections", connections}, std::move(series));
}

BenchResult result_of(std::vector<CaseResult> cases) {
    BenchResult result;
    result.version = "0.1.0";
    result.date = "2026-01-31T12:00:00Z";
    result.command = "coir bench echo";
    result.machine.kernel = "Linux 6.18.1";
    result.machine.processor = "A Processor";
    result.machine.processors = 4;
    result.machine.fingerprint = "6.18.1 | A Processor | 4";
    result.machine.details = {{"governor", "performance"}};
    result.load_start = "0.10 0.20 0.30";
    result.load_end = "1.10 1.20 1.30";
    result.seconds = 0.25;
    result.rounds = 5;
    result.cases = std::move(cases);
    return result;
}

// Kinds, axes and latencies: everything that has a picture.
BenchResult full_result() {
    std::vector<CaseResult> cases;
    cases.push_back(case_of("switch", {"2 tasks", "ns", false, {}, 0},
                            {series_of("epoll", steady), series_of("poll", times(steady, 0.5))}));
    for (const double connections : {1.0, 64.0, 1000.0}) {
        Series fast = series_of("io_uring", times(steady, 1500));
        for (std::uint64_t i = 1; i <= 100; ++i) {
            fast.latency.push_back({static_cast<double>(i) * 1000, i * 100});
        }
        fast.rounds[0].p99_ns = 5000;
        Series peer = series_of("libother", times(steady, 900), Subject::Kind::peer);
        peer.subject.version = "1.48";
        cases.push_back(echo_case(connections, {series_of("epoll", times(steady, 1000)), fast,
                                                series_of("raw-epoll", times(steady, 1100), Subject::Kind::baseline),
                                                peer}));
    }
    return result_of(std::move(cases));
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Well-formed, loads nothing, and every coordinate is a number within its picture.
void check_page(const std::string& page) {
    CHECK(MarkupChecker::check(page).empty());
    INFO(MarkupChecker::check(page));
    for (const char* outside : {"<script", "http:", "https:", "src=", "url(", "@import", "<a "}) {
        CAPTURE(outside);
        CHECK_FALSE(has(page, outside));
    }
    static const std::regex attribute(" (?:x|x1|x2|y|y1|y2|width|height|d)=\"([^\"]*)\"");
    for (std::sregex_iterator match(page.begin(), page.end(), attribute), end; match != end; ++match) {
        const std::string value = (*match)[1];
        const bool numeric = value.find_first_not_of("0123456789.-%MLHVZavhm ") == std::string::npos;
        if (!numeric) FAIL("no coordinate: " << value);
        if (value.back() == '%' && !(std::stod(value) >= 0 && std::stod(value) <= 100)) {
            FAIL("outside of the picture: " << value);
        }
    }
}

std::string page_of(const BenchResult& result) {
    const std::string page = format_bench_html({result});
    check_page(page);
    return page;
}

}  // namespace

TEST_CASE("html: a page has a picture and a table for each case", "[cli]") {
    const std::string page = page_of(full_result());
    // One for the overview, one for each case, one for the scaling, three latencies.
    CHECK(count_of(page, "<figure") == 1 + 4 + 1 + 3);
    CHECK(count_of(page, "role=\"img\"") == count_of(page, "<figure"));
    CHECK(count_of(page, "<table>") == count_of(page, "<figure"));
    CHECK(count_of(page, "<caption>") == count_of(page, "<table>"));
    CHECK(count_of(page, "<desc ") == count_of(page, "role=\"img\""));
    for (const char* part : {"coir bench echo", "2026-01-31T12:00:00Z", "coir 0.1.0", "A Processor",
                             "governor", "0.10 0.20 0.30", "1.10 1.20 1.30", "How to read this",
                             "prefers-color-scheme:dark", "@media print"}) {
        CAPTURE(part);
        CHECK(has(page, part));
    }
}

TEST_CASE("html: every series of every case is in its table", "[cli]") {
    const BenchResult result = full_result();
    const std::string page = page_of(result);
    for (const CaseResult& one : result.cases) {
        const std::size_t begin = page.find("<caption><span>" + one.scenario + ", " + one.info.name);
        REQUIRE(begin != std::string::npos);
        const std::string table = page.substr(begin, page.find("</table>", begin) - begin);
        for (const Series& series : one.series) {
            const std::string version = series.subject.version.empty() ? "" : " " + series.subject.version;
            CAPTURE(series.subject.name);
            CHECK(has(table, "<th scope=\"row\">" + series.subject.name + version + "</th>"));
        }
    }
    CHECK(has(page, "Baselines: "));
    CHECK(has(page, "Peers: "));
}

TEST_CASE("html: columns are there for what was measured, and only for that", "[cli]") {
    const std::string page = page_of(full_result());
    CHECK(has(page, "<th scope=\"col\">p99</th>"));
    CHECK(has(page, "<td>5.00 us</td>"));
    CHECK_FALSE(has(page, "<th scope=\"col\">memory</th>"));
    CHECK_FALSE(has(page, "<th scope=\"col\">CPU/op</th>"));
}

TEST_CASE("html: verdicts are words, beside the ratio and its interval", "[cli]") {
    const std::string page = page_of(full_result());
    CHECK(has(page, "<td>2.00</td><td class=\"up\">▲ faster</td><td>2.00–2.00</td>"));
    CHECK(has(page, "<td>0.90</td><td class=\"down\">▼ slower</td><td>0.90–0.90</td>"));
    BenchResult same = result_of({case_of("memory", {"idle", "bytes", false, {}, 0},
                                          {series_of("epoll", steady),
                                           series_of("poll", {101, 99, 100, 102, 100}),
                                           series_of("io_uring", times(steady, 0.5))})});
    const std::string second = page_of(same);
    CHECK(has(second, "≈ same within noise"));
    CHECK(has(second, "▲ smaller"));
}

TEST_CASE("html: the summary says who is best, and when nobody is", "[cli]") {
    const CaseInfo info{"2 tasks", "ns", false, {}, 0};
    const auto summary = [&](std::vector<Series> series) {
        const std::string page = page_of(result_of({case_of("switch", info, std::move(series))}));
        const std::size_t begin = page.find("<li>2 tasks: ");
        return page.substr(begin, page.find("</li>", begin) - begin);
    };
    const std::vector<double> noisy = {60, 170, 90, 130, 100};
    CHECK(summary({series_of("epoll", steady), series_of("poll", times(steady, 2)),
                   series_of("io_uring", times(steady, 0.5))}) ==
          "<li>2 tasks: <strong>io_uring</strong> is the fastest: 2.00 times as fast as the next, epoll "
          "(2.00 to 2.00).");
    CHECK(summary({series_of("epoll", steady), series_of("poll", noisy)}) ==
          "<li>2 tasks: none is ahead: <strong>epoll</strong> and <strong>poll</strong> are the "
          "same within noise.");
    CHECK(has(summary({series_of("epoll", steady), series_of("poll", noisy),
                       series_of("io_uring", times(steady, 3))}),
              "are ahead, and the same within noise"));
    CHECK(has(summary({series_of("epoll", steady)}), "only <strong>epoll</strong> was measured"));
    CHECK(has(summary({series_of("epoll", {1}), series_of("poll", {2})}), "<strong>epoll</strong> had the best median"));
    CHECK(has(summary({series_of("127.0.0.1:80", steady, Subject::Kind::server),
                       series_of("127.0.0.1:81", times(steady, 2), Subject::Kind::server)}),
              "<strong>127.0.0.1:80</strong> is the fastest: 2.00 times as fast as 127.0.0.1:81"));
    // A baseline wins nothing here.
    CHECK(has(summary({series_of("epoll", steady), series_of("poll", times(steady, 2)),
                       series_of("raw", times(steady, 0.1), Subject::Kind::baseline)}),
              "<strong>epoll</strong> is the fastest: 2.00 times as fast as poll"));
}

TEST_CASE("html: several runs that say the same say it once", "[cli]") {
    const CaseInfo info{"2 tasks", "ns", false, "tasks", 2};
    const std::vector<double> rounds = {100, 101, 99, 100, 102};
    const auto run_of = [&](double factor) {
        return result_of({case_of("switch", info, {series_of("epoll", rounds),
                                                   series_of("poll", times(rounds, factor))})});
    };
    const std::string same = format_bench_html({run_of(2), run_of(3)}, {"old.json", "new.json"});
    CHECK(has(same, "<li>2 tasks, runs A and B: <strong>epoll</strong> is the fastest: A 2.00 times as fast as "
                    "poll (2.00 to 2.00); B 3.00 times as fast as poll (3.00 to 3.00).</li>"));
    const std::string turned = format_bench_html({run_of(2), run_of(0.5)}, {"old.json", "new.json"});
    CHECK(has(turned, "<li>2 tasks, run A: <strong>epoll</strong> is the fastest: 2.00 times"));
    CHECK(has(turned, "<li>2 tasks, run B: <strong>poll</strong> is the fastest: 2.00 times"));
}

TEST_CASE("html: noise, interruptions, failures and what was left out are said", "[cli]") {
    BenchResult result = full_result();
    result.noise.steal_share = 0.5;
    result.interrupted_by = 2;
    result.notes = {"a note about the load"};
    result.left_out = {{"io_uring", "denied here"}};
    result.cases[0].series[1].failure = "it crashed <badly>";
    result.cases[0].series[1].rounds.clear();
    const std::string page = page_of(result);
    for (const char* part : {"a hypervisor took 50 % of the CPU time", "signal 2 ended it early",
                             "a note about the load", "denied here",
                             "switch/2 tasks on poll: it crashed &lt;badly&gt;",
                             "<th scope=\"row\">poll</th><td class=\"down\">failed</td>"}) {
        CAPTURE(part);
        CHECK(has(page, part));
    }
    CHECK_FALSE(has(page_of(full_result()), "class=\"warn\""));
}

TEST_CASE("html: names may hold anything", "[cli]") {
    const std::string hostile =
        "</style></table><script>alert(1)</script>\"'&amp;<!-- \x01\x1b[31m \xff\xc0\xaf\xed\xa0\x80 ]]> ü";
    BenchResult result = full_result();
    result.version = result.date = result.command = hostile;
    result.load_start = result.load_end = result.machine.processor = result.machine.kernel = hostile;
    result.machine.fingerprint = result.machine.compiler = hostile;
    result.machine.details = {{hostile, hostile}};
    result.machine.open_files = result.machine.locked_memory = {hostile, hostile};
    result.notes = {hostile};
    result.left_out = {{hostile, hostile}};
    for (CaseResult& one : result.cases) {
        one.scenario = one.title = one.info.name = hostile;
        if (!one.info.axis.empty()) one.info.axis = one.info.unit = hostile;
        for (Series& series : one.series) series.subject.name += hostile;
        one.series[0].subject.version = hostile;
        one.series.back().failure = hostile;
    }
    const std::string page = page_of(result);
    CHECK(has(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;amp;"));
    check_page(format_bench_html({result, result}, {hostile, hostile}));
}

TEST_CASE("html: text is escaped, shortened and kept UTF-8", "[cli]") {
    CHECK(escaped("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;'");
    CHECK(escaped("ä€😀\n\t") == "ä€😀\n\t");
    const std::string replaced = "\xEF\xBF\xBD";
    CHECK(escaped(std::string("\0\x7f", 2)) == replaced + replaced);
    CHECK(escaped("\xc3") == replaced);
    CHECK(escaped("\xc0\x80") == replaced + replaced);
    CHECK(escaped("\xed\xa0\x80") == replaced);
    CHECK(escaped("\xef\xbf\xbf") == replaced);
    CHECK(shortened("abc", 3) == "abc");
    CHECK(shortened("abcd", 3) == "ab…");
    CHECK(shortened("äöüß", 3) == "äö…");
    CHECK(shortened("", 3).empty());
    CHECK(coordinate(-0.01) == "0");
    CHECK(coordinate(12.04) == "12");
    CHECK(coordinate(99.96) == "100");
    CHECK(percent_of(0.4321) == "43.2%");
}

TEST_CASE("html: one round has no verdict, no whisker and no spread", "[cli]") {
    BenchResult result = result_of({echo_case(64, {series_of("epoll", {100}), series_of("poll", {90})})});
    result.rounds = 1;
    const std::string page = page_of(result);
    CHECK(has(page, "? too few rounds"));
    CHECK(has(page, "Few rounds:"));
    CHECK_FALSE(has(page, "class=\"w\""));
    CHECK_FALSE(has(page, "class=\"r\""));
    CHECK_FALSE(has(page, "<th scope=\"col\">spread</th>"));
    CHECK(has(page, "1 round of 250 ms"));
}

TEST_CASE("html: latency has a picture only where it was measured", "[cli]") {
    CHECK_FALSE(has(page_of(result_of({echo_case(1, {series_of("epoll", steady)})})), "Latency"));
    BenchResult result = full_result();
    const std::string page = page_of(result);
    // 10,000 operations: fewer than ten are beyond the 99.9th percentile.
    CHECK(has(page, ">99.9</text>"));
    CHECK_FALSE(has(page, ">99.99</text>"));
    CHECK(has(page, "<td>50.0 us</td><td>90.0 us</td><td>99.0 us</td>"));
    for (CaseResult& one : result.cases) {
        for (Series& series : one.series) {
            if (!series.latency.empty()) series.latency = {{0, 1}};
        }
    }
    CHECK(has(page_of(result), "Latency"));
}

TEST_CASE("html: a latency is that of the smallest point with enough operations", "[cli]") {
    const std::vector<LatencyPoint> latency = {{10, 50}, {20, 90}, {30, 100}};
    CHECK(latency_at(latency, 0) == 10);
    CHECK(latency_at(latency, 0.5) == 10);
    CHECK(latency_at(latency, 0.51) == 20);
    CHECK(latency_at(latency, 0.9) == 20);
    CHECK(latency_at(latency, 0.91) == 30);
    CHECK(latency_at(latency, 1) == 30);
}

TEST_CASE("html: a curve over an axis needs two cases of it", "[cli]") {
    const auto both = [](double factor) {
        return std::vector{series_of("epoll", times(steady, factor)), series_of("poll", times(steady, factor))};
    };
    CHECK_FALSE(has(page_of(result_of({echo_case(1, both(1))})), "Scaling"));
    CHECK_FALSE(has(page_of(result_of({echo_case(8, both(1)), echo_case(8, both(2))})), "Scaling"));
    CHECK(has(page_of(result_of({echo_case(8, both(1)), echo_case(1, both(2))})), "Scaling over connections"));
    // Another unit is another curve.
    CaseResult other = echo_case(8, both(1));
    other.info.unit = "ns";
    CHECK_FALSE(has(page_of(result_of({echo_case(1, both(1)), other})), "Scaling"));
    // A failed subject has no curve, the others have.
    BenchResult result = result_of({echo_case(1, both(1)), echo_case(8, both(1))});
    for (CaseResult& one : result.cases) one.series[1].failure = "gone";
    CHECK(has(page_of(result), "1 curves over 2 cases"));
}

TEST_CASE("html: nothing was measured", "[cli]") {
    check_page(format_bench_html({}));
    CHECK(has(format_bench_html({}), "Nothing was measured."));
    CHECK(has(page_of(result_of({})), "Nothing was measured."));
    CHECK(has(page_of(result_of({echo_case(1, {})})), "nothing was measured"));
    Series failed = series_of("epoll", {});
    failed.failure = "no memory";
    CHECK(has(page_of(result_of({echo_case(1, {failed})})), "nothing was measured"));
}

TEST_CASE("html: figures of any size", "[cli]") {
    const double infinite = std::numeric_limits<double>::infinity();
    const double largest = std::numeric_limits<double>::max();
    const double smallest = std::numeric_limits<double>::denorm_min();
    for (const double odd : {0.0, -1.0, 1e-300, 1e300, largest, smallest, infinite, -infinite, absent}) {
        CAPTURE(odd);
        const std::vector<double> odds(5, odd);
        BenchResult result = full_result();
        for (CaseResult& one : result.cases) {
            one.series.push_back(series_of("odd", odds));
            one.series.back().latency = {{odd, 1}, {odd, 1'000'000'000'000'000'000}};
            one.series.back().rounds[0].rss_bytes = odd;
        }
        page_of(result);
        for (CaseResult& one : result.cases) std::swap(one.series.front(), one.series.back());
        page_of(result);  // as the base
        for (CaseResult& one : result.cases) one.series.resize(1);
        page_of(result);  // alone
        result.noise = {odd, odd, odd};
        result.seconds = odd;
        for (CaseResult& one : result.cases) one.info.at = odd;
        page_of(result);
    }
}

TEST_CASE("html: a bar far beyond the reactors is cut, and its figure stays", "[cli]") {
    const std::string page = page_of(result_of(
        {case_of("spawn", {"one", "ns", false, {}, 0},
                 {series_of("epoll", steady),
                  series_of("threads", times(steady, 1000), Subject::Kind::baseline)})}));
    CHECK(has(page, "class=\"cut\""));
    CHECK(has(page, "100 us"));
    CHECK_FALSE(has(page_of(full_result()), "class=\"cut\""));
}

TEST_CASE("html: two runs stand beside each other, with the names of their files", "[cli]") {
    BenchResult before = full_result();
    BenchResult after = full_result();
    after.date = "2026-02-01T12:00:00Z";
    after.cases.erase(after.cases.begin());  // only the first run has it
    const std::string page = format_bench_html({before, after}, {"before.json", "after.json"});
    check_page(page);
    CHECK(has(page, "<strong>Run A</strong> is before.json"));
    CHECK(has(page, "<strong>Run B</strong> is after.json"));
    const std::size_t first = page.find("<th scope=\"row\">io_uring · A</th>");
    const std::size_t second = page.find("<th scope=\"row\">io_uring · B</th>");
    REQUIRE(first != std::string::npos);
    CHECK(page.substr(first, second - first).find("<th scope=\"row\">", 5) == std::string::npos);
    CHECK(has(page, ">epoll · A</text>"));
    CHECK(count_of(page, "<h3>2 tasks</h3>") == 1);
    CHECK(has(page, "Latency, 64 connections, run A"));
    CHECK(has(page, "Latency, 64 connections, run B"));
    CHECK_FALSE(has(page, "Different machines"));
    after.machine.fingerprint = "another";
    const std::string unnamed = format_bench_html({before, after});
    check_page(unnamed);
    CHECK(has(unnamed, "<strong>Run B</strong> is 2026-02-01T12:00:00Z"));
    CHECK(has(unnamed, "Different machines"));
    check_page(format_bench_html(std::vector<BenchResult>(30, before)));
}

TEST_CASE("html: the same results make the same page", "[cli]") {
    CHECK(format_bench_html({full_result()}) == format_bench_html({full_result()}));
}

TEST_CASE("html: scales put values where they belong", "[cli]") {
    const Scale linear = Scale::linear(100);
    CHECK(linear.share(0) == 0);
    CHECK(linear.share(1e9) == 1);
    CHECK(linear.share(-5) == 0);
    CHECK(linear.ticks(5) == std::vector<double>{0, 50, 100});
    const Scale logarithmic = Scale::logarithmic(1.5, 900);
    CHECK(std::fabs(logarithmic.share(1)) < 1e-9);
    CHECK(std::fabs(logarithmic.share(1000) - 1) < 1e-9);
    CHECK(logarithmic.share(0) == 0);
    CHECK(logarithmic.ticks(4).size() == 4);
    CHECK(logarithmic.ticks(10).size() == 10);
    const Scale percentiles = Scale::percentiles(3);
    CHECK(percentiles.share(0) == 0);
    CHECK(std::fabs(percentiles.share(0.9) - 1.0 / 3) < 1e-9);
    CHECK(percentiles.share(1) == 1);
    CHECK(percentiles.ticks(8) == std::vector<double>{0, 0.5, 0.9, 0.99, 0.999});
}
