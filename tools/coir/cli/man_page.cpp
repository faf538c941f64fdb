// SPDX-License-Identifier: BSL-1.0
#include "man_page.hpp"

#include <string_view>

namespace coir_tool {
namespace {

// Text as roff wants it: no line begins with a control character, and no dash becomes a hyphen.
std::string roff_escaped(std::string_view text) {
    std::string result;
    for (const char letter : text) {
        if ((letter == '.' || letter == '\'') && (result.empty() || result.back() == '\n')) {
            result += "\\&";
        }
        if (letter == '\\') {
            result += "\\e";
        } else if (letter == '-') {
            result += "\\-";
        } else {
            result += letter;
        }
    }
    return result;
}

std::string unfilled(const std::string& text) { return ".nf\n" + roff_escaped(text) + ".fi\n"; }

std::string format_option(const OptionInfo& option) {
    const bool attached = option.value() == OptionInfo::Value::attached;
    const std::string letter = option.letter.empty() ? "" : option.letter + ", ";
    std::string text = ".TP\n\\fB" + roff_escaped(letter + option.name) + "\\fR";
    if (!option.placeholder.empty()) {
        text += (attached ? "" : " ") + ("\\fI" + roff_escaped(option.placeholder)) + "\\fR";
    }
    return text + "\n" + roff_escaped(option.description) + ".\n";
}

std::string format_synopsis(const CommandInfo& info, const std::string& called) {
    std::string text = ".B " + roff_escaped(called) + "\n" + roff_escaped(info.usage) + "\n.br\n";
    for (const CommandInfo& command : info.commands) {
        text += format_synopsis(command, called + " " + command.name);
    }
    return text;
}

std::string format_command(const CommandInfo& info, const std::string& called) {
    std::string text = ".SS " + roff_escaped(called + " " + info.usage) + "\n" + roff_escaped(info.summary) +
                       ".\n.PP\n" + unfilled(info.details);
    for (const OptionInfo& option : info.options) text += format_option(option);
    for (const CommandInfo& command : info.commands) {
        text += format_command(command, called + " " + command.name);
    }
    return text;
}

struct ManEntry {
    const char* term;
    const char* text;
};

template <std::size_t count>
std::string format_entries(const ManEntry (&entries)[count]) {
    std::string text;
    for (const ManEntry& entry : entries) {
        text += ".TP\n.B " + roff_escaped(entry.term) + "\n" + roff_escaped(entry.text) + "\n";
    }
    return text;
}

constexpr const char* description =
    "A program built on the coir runtime waits for the kernel through one of several reactors: epoll,\n"
    "io_uring, poll, or one of its own. The command says which of them work on this machine, measures\n"
    "them, records a choice that programs follow, and runs single programs on another one. It also\n"
    "runs programs on libcoir-legacy, under which blocking calls of the C library suspend the calling\n"
    "task instead of the thread, and says of a library which of its calls that is true of.\n";

constexpr const char* streams =
    "Results go to standard output. Errors, notes and, on a terminal, a progress line go to standard\n"
    "error. What coir starts by itself stays on the loopback interface and ends by itself.\n";

constexpr ManEntry environment[] = {
    {"COIR_REACTOR",
     "The reactor of programs that leave the choice to the library: auto, a name, or a list."},
    {"COIR_LEGACY",
     "The categories of functions that libcoir-legacy replaces; set by coir run --legacy."},
    {"COIR_DEEP",
     "With coir run --legacy --threads-as-tasks: check runs the self-test alone, and says in one\n"
     "line that it has passed; off leaves threads as they are."},
    {"COIR_CONFIG",
     "The one file to read a recorded choice from, and to write it to, instead of the user's."},
    {"XDG_CONFIG_HOME, HOME", "Where the user's file is."},
    {"NO_COLOR, TERM", "No colours when NO_COLOR is set or the terminal is dumb."},
};

constexpr ManEntry file_entries[] = {
    {"$XDG_CONFIG_HOME/coir/reactor",
     "The user's recorded choice; ~/.config/coir/reactor without XDG_CONFIG_HOME."},
    {"/etc/coir/reactor", "The machine's."},
};

constexpr const char* about_files =
    "Lines are key = value; # starts a comment. A file whose fingerprint is that of another machine\n"
    "or kernel is passed over, and programs say so once.\n";

constexpr ManEntry statuses[] = {
    {"0", "Done."},
    {"1",
     "Failed: a measurement, a file, or standard output. coir audit: a verdict is not 'works', or,\n"
     "with --strict, there is anything to report. coir doctor: there is a problem."},
    {"2",
     "The command line cannot be obeyed, or a file that it names cannot be read."},
    {"3", "The reactor asked for, or --threads-as-tasks, cannot be had here."},
    {"4", "coir bench compare: a reactor is slower than before, beyond the threshold and noise."},
    {"126, 127",
     "coir run: the program cannot be run, or not with --legacy; there is no such program.\n"
     "Otherwise its status is the program's."},
    {"130, 143",
     "Ended by SIGINT or SIGTERM. What coir bench had measured by then is printed."},
};

}  // namespace

std::string format_man_page(const CommandInfo& root) {
    std::string text =
        ".\\\" SPDX-License-Identifier: BSL-1.0\n"
        ".TH COIR 1 \"\" \"coir\" \"User Commands\"\n"
        ".SH NAME\ncoir \\- " +
        roff_escaped(root.summary.substr(root.summary.find(" - ") + 3)) + "\n.SH SYNOPSIS\n" +
        format_synopsis(root, root.name) + ".SH DESCRIPTION\n" + roff_escaped(description) + ".PP\n" +
        roff_escaped(streams);
    for (const OptionInfo& option : root.options) text += format_option(option);
    text += ".SH COMMANDS\n";
    for (const CommandInfo& command : root.commands) {
        text += format_command(command, root.name + " " + command.name);
    }
    text += ".SH ENVIRONMENT\n" + format_entries(environment);
    text += ".SH FILES\n" + format_entries(file_entries) + ".PP\n" + roff_escaped(about_files);
    text += ".SH EXIT STATUS\n" + format_entries(statuses);
    return text + ".SH EXAMPLES\n" + unfilled(root.details);
}

}  // namespace coir_tool
