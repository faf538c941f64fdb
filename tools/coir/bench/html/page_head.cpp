// SPDX-License-Identifier: BSL-1.0
#include "bench/html/page_head.hpp"

#include "bench/html/findings.hpp"
#include "bench/html/markup.hpp"
#include "table.hpp"

#include <algorithm>
#include <cmath>

namespace coir_tool {
namespace {

std::string fact(const std::string& name, const std::string& value) {
    if (value.empty()) return {};
    return "<div>" + element("dt", "", name) + element("dd", "", value) + "</div>";
}

std::string of_run(const ReportView& report, std::size_t run) {
    return report.has_several_runs() ? "run " + report.letter_of(run) + ": " : "";
}

std::string warning(const std::string& what, const std::string& text) {
    return "<li>" + element("strong", "", what) + " " + escaped(text) + "</li>";
}

std::string warnings_of(const ReportView& report, std::size_t run) {
    const BenchResult& result = report.results()[run];
    std::string text;
    if (result.interrupted_by != 0) {
        text += warning("Interrupted:", of_run(report, run) + "signal " +
                                            std::to_string(result.interrupted_by) +
                                            " ended it early; rounds that were not complete are left out.");
    }
    for (const std::string& disturbance : result.noise.warnings()) {
        text += warning("Noise:", of_run(report, run) + disturbance +
                                      ". Look at the intervals before you trust small differences.");
    }
    for (const CaseResult& one : result.cases) {
        for (const Series& series : one.series) {
            if (series.failure.empty()) continue;
            text += warning("Failed:", of_run(report, run) + one.full_name() + " on " +
                                           series.subject.name + ": " + series.failure);
        }
    }
    if (result.rounds < rounds_for_interval) {
        text += warning("Few rounds:", of_run(report, run) + "there is no verdict below " +
                                           std::to_string(rounds_for_interval) +
                                           " rounds, and whiskers span from the least to the greatest.");
    }
    return text;
}

std::string limits_of(const MachineFacts& machine) {
    std::string text;
    text += fact("open files", machine.open_files.soft + " (hard " + machine.open_files.hard + ")");
    text += fact("locked memory", format_byte_limit(machine.locked_memory.soft) + " (hard " +
                                      format_byte_limit(machine.locked_memory.hard) + ")");
    if (machine.io_uring_disabled) {
        text += fact("kernel.io_uring_disabled", std::to_string(*machine.io_uring_disabled));
    }
    if (machine.max_map_count) {
        text += fact("vm.max_map_count", std::to_string(*machine.max_map_count));
    }
    return text;
}

std::string describe_noise(const Noise& noise) {
    const auto percent = [](double share) {
        return std::isfinite(share) ? shortened(format_fixed(100 * share, 1), 10) + " %" : "unknown";
    };
    return "speed of the processor within " + percent(noise.spin_spread) + "; taken by a hypervisor " +
           percent(noise.steal_share) + "; used by other processes " + percent(noise.others_share);
}

std::string facts_of(const ReportView& report, std::size_t run) {
    const BenchResult& result = report.results()[run];
    const MachineFacts& machine = result.machine;
    std::string text = "<dl>";
    text += fact("command", result.command) + fact("date", result.date) + fact("coir", result.version);
    text += fact("rounds", std::to_string(result.rounds) + " of " +
                               shortened(format_ns(result.seconds * 1e9), 14) + " for each subject and case");
    text += fact("processor", machine.processor);
    text += fact("processors", std::to_string(machine.processors) + " that it may use");
    text += fact("kernel", machine.kernel) + fact("compiler", machine.compiler);
    text += fact("load averages", result.load_start + " at the start, " + result.load_end + " at the end");
    text += fact("noise", describe_noise(result.noise));
    for (const Fact& detail : machine.details) text += fact(detail.name, detail.value);
    return text + limits_of(machine) + fact("fingerprint", machine.fingerprint) + "</dl>";
}

std::string notes_of(const BenchResult& result) {
    std::string text;
    for (const std::string& note : result.notes) text += element("li", "", note);
    for (const LeftOut& left_out : result.left_out) {
        text += "<li>Left out: " + element("strong", "", left_out.name) + ": " +
                escaped(left_out.reason) + "</li>";
    }
    return text.empty() ? "" : "<ul class=\"notes\">" + text + "</ul>";
}

bool same_machine(const ReportView& report) {
    const std::vector<BenchResult>& results = report.results();
    return std::all_of(results.begin(), results.end(), [&](const BenchResult& result) {
        return result.machine.fingerprint == results[0].machine.fingerprint;
    });
}

// Runs that say the same.
struct SharedClaim {
    std::vector<std::string> letters;
    BestWords words;
    std::vector<std::string> margins;
};

std::vector<SharedClaim> claims_of(const ReportView& report, const CaseView& view) {
    std::vector<SharedClaim> claims;
    for (std::size_t run = 0; run < view.runs.size(); ++run) {
        if (!view.runs[run]) continue;
        BestWords words = describe_best(*view.runs[run]);
        auto same = std::find_if(claims.begin(), claims.end(), [&](const SharedClaim& one) {
            return one.words.claim == words.claim;
        });
        if (same == claims.end()) same = claims.insert(claims.end(), {{}, words, {}});
        same->letters.push_back(report.letter_of(run));
        if (!words.margin.empty()) same->margins.push_back(words.margin);
    }
    return claims;
}

std::string joined_by(const std::vector<std::string>& words, const std::string& between) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
    return text;
}

// "64 connections, runs A and B: epoll is the fastest: A 1.27 times ...; B 1.30 times ..."
std::string format_claim(const ReportView& report, const CaseView& view, const SharedClaim& claim) {
    std::string text = escaped(view.info.name);
    const bool shared = claim.letters.size() > 1;
    if (report.has_several_runs()) {
        text += (shared ? ", runs " : ", run ") + joined_by(claim.letters, " and ");
    }
    std::vector<std::string> margins = claim.margins;
    for (std::size_t i = 0; shared && i < margins.size(); ++i) {
        margins[i] = claim.letters[i] + " " + margins[i];
    }
    return text + ": " + claim.words.claim + claim.words.separator + joined_by(margins, "; ") + ".";
}

std::string summary_of(const ReportView& report, const ScenarioView& scenario) {
    std::string text;
    for (const CaseView& view : scenario.cases) {
        for (const SharedClaim& claim : claims_of(report, view)) {
            text += "<li>" + format_claim(report, view, claim) + "</li>";
        }
    }
    return "<div>" + element("h3", "", scenario.name) + "<ul>" + text + "</ul></div>";
}

}  // namespace

std::string format_title(const ReportView& report) {
    std::string text = "<header><h1>coir bench</h1>";
    for (std::size_t run = 0; run < report.results().size(); ++run) {
        const BenchResult& result = report.results()[run];
        text += "<p class=\"sub\">";
        if (report.has_several_runs()) {
            text += element("strong", "", "Run " + report.letter_of(run)) + " is " +
                    escaped(report.name_of(run)) + ": ";
        }
        text += element("code", "", result.command) + "<br/>" +
                escaped("coir " + result.version + " · " + result.date + " · " + result.machine.processor +
                        " · " + result.machine.kernel) + "</p>";
    }
    return text + "</header>\n";
}

std::string format_warnings(const ReportView& report) {
    std::string text;
    for (std::size_t run = 0; run < report.results().size(); ++run) text += warnings_of(report, run);
    if (report.has_several_runs()) {
        text += warning("Several runs:",
                        "machines drift, so compare the column speed, which is against the base of the "
                        "same run, rather than times of different runs.");
        if (!same_machine(report)) {
            text += warning("Different machines:", "the runs were not all made on one machine.");
        }
    }
    if (text.empty()) return {};
    return "<section class=\"warn\" aria-label=\"Warnings\"><ul>" + text + "</ul></section>\n";
}

std::string format_summary(const ReportView& report) {
    std::string text;
    for (const ScenarioView& scenario : report.scenarios()) text += summary_of(report, scenario);
    if (text.empty()) text = "<p>Nothing was measured.</p>";
    return "<section><h2>In short</h2><p class=\"sub\">Reactors, or servers that were running; not what stands beside them. In brackets: 95&#160;% intervals of "
           "how many times.</p><div class=\"short\">" +
           text + "</div></section>\n";
}

std::string format_circumstances(const ReportView& report) {
    std::string text;
    for (std::size_t run = 0; run < report.results().size(); ++run) {
        if (report.has_several_runs()) text += element("h3", "", "Run " + report.letter_of(run));
        text += facts_of(report, run) + notes_of(report.results()[run]);
    }
    return "<section class=\"facts\"><h2>What was run</h2>" + text + "</section>\n";
}

}  // namespace coir_tool
