// SPDX-License-Identifier: BSL-1.0
// The only file that knows CLI11, which takes long to compile.
#include "command_line.hpp"

#include "output.hpp"
#include "text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace coir_tool {
namespace {

// Says how a command is called as people would write it.
class HelpFormatter : public CLI::Formatter {
public:
    explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) {
        label("Positionals", "Arguments");
    }
    std::string make_usage(const CLI::App*, std::string) const override { return usage_; }

private:
    std::string usage_;
};

// Keeps what was typed, also when it is empty: the commands do the judging.
void add_option(CLI::App& app, const OptionInfo& info) {
    const std::string name = info.letter.empty() ? info.name : info.letter + "," + info.name;
    CLI::Option* option = nullptr;
    switch (info.value()) {
        case OptionInfo::Value::none:
            app.add_flag(name, *std::get<bool*>(info.target), info.description);
            return;
        case OptionInfo::Value::attached:
            // A flag to CLI11, so that the word after it is not taken for its value.
            option = app.add_flag(name, *std::get<std::vector<std::string>*>(info.target),
                                  info.description);
            break;
        case OptionInfo::Value::repeated:
            option = app.add_option_function<std::vector<std::string>>(
                name,
                [to = std::get<std::vector<std::string>*>(info.target)](
                    const std::vector<std::string>& values) { *to = values; },
                info.description);
            option->allow_extra_args(false);
            break;
        case OptionInfo::Value::required:
        case OptionInfo::Value::optional:
            option = app.add_option_function<std::string>(
                name,
                [to = std::get<OptionText*>(info.target)](const std::string& value) { *to = value; },
                info.description);
            if (info.value() == OptionInfo::Value::optional) option->expected(0, 1);
            break;
    }
    option->option_text(info.placeholder);
}

void add_command(CLI::App& app, const CommandInfo& info, const std::string& called) {
    app.footer(info.details);
    app.formatter(std::make_shared<HelpFormatter>(
        "Usage: " + called + (info.usage.empty() ? "" : " ") + info.usage + "\n"));
    app.allow_extras();  // to be refused by us, with a better message
    app.require_subcommand(0, 1);
    for (const OptionInfo& option : info.options) add_option(app, option);
    if (info.takes_program) {
        app.prefix_command();
    } else if (info.arguments.target) {
        app.add_option(info.arguments.placeholder, *info.arguments.target,
                       info.arguments.description)
            ->option_text(" ");
    }
    for (const CommandInfo& below : info.commands) {
        CLI::App& command = *app.add_subcommand(below.name, below.summary);
        command.group("Commands");
        add_command(command, below, called + " " + below.name);
    }
}

std::vector<std::string> option_names(const CommandInfo& info) {
    std::vector<std::string> names = {"--help"};
    for (const OptionInfo& option : info.options) names.push_back(option.name);
    return names;
}

std::vector<std::string> command_names(const CommandInfo& info) {
    std::vector<std::string> names;
    for (const CommandInfo& command : info.commands) names.push_back(command.name);
    return names;
}

// A command that words have chosen, and where it stands.
struct Chosen {
    const CLI::App* app;
    const CommandInfo* info;
    std::string place;  ///< "bench compare: "; empty for coir itself
};

Chosen find_chosen(const CLI::App& app, const CommandInfo& root) {
    Chosen chosen{&app, &root, {}};
    for (;;) {
        const std::vector<CLI::App*> below = chosen.app->get_subcommands();
        if (below.empty()) return chosen;
        chosen.app = below[0];
        for (const CommandInfo& command : chosen.info->commands) {
            if (command.name != chosen.app->get_name()) continue;
            chosen.info = &command;
            break;
        }
        if (!chosen.place.empty()) chosen.place.resize(chosen.place.size() - 2);
        chosen.place += (chosen.place.empty() ? "" : " ") + chosen.info->name + ": ";
    }
}

[[noreturn]] void refuse_word(const Chosen& chosen, const std::string& word) {
    if (word.starts_with("-") && word != "-") {
        const std::vector<std::string> names = option_names(*chosen.info);
        throw UsageError(chosen.place + "unknown option " + in_quotes(word) + "; allowed: " +
                         listed(names) + did_you_mean(word.substr(0, word.find('=')), names));
    }
    if (chosen.place.empty()) {
        const std::vector<std::string> names = command_names(*chosen.info);
        throw UsageError("unknown command " + in_quotes(word) + "; allowed: " + listed(names) +
                         did_you_mean(word, names));
    }
    throw UsageError(chosen.place + "unexpected argument " + in_quotes(word) +
                     (chosen.info->takes_program ? " before --" : ""));
}

// CLI11 would take the next word for the value that is missing in `--rounds=`.
void refuse_empty_values(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
        if (word.starts_with("--") && word.find('=') == word.size() - 1) {
            throw UsageError(in_quotes(word) + " has no value after the =");
        }
    }
}

// CLI11's own words for a wrong number of values are hard to understand.
std::string describe(const CLI::ParseError& error) {
    const std::string text = without_prefix(error.what());
    const std::string option = text.substr(0, text.find(':'));
    if (error.get_name() == "ArgumentMismatch") {
        const bool many = text.find("received") != std::string::npos;
        return option + (many ? " is given more than once" : " needs a value");
    }
    if (error.get_name() == "ConversionError") {
        const std::size_t flag = text.find("--");  // only flags are converted by CLI11
        if (flag != std::string::npos) {
            return text.substr(flag, text.find(' ', flag) - flag) + " takes no value";
        }
    }
    return text;
}

void check_attached(const CommandInfo& info) {
    for (const OptionInfo& option : info.options) {
        if (option.value() != OptionInfo::Value::attached) continue;
        if (std::get<std::vector<std::string>*>(option.target)->size() > 1) {
            throw UsageError(option.name + " is given more than once");
        }
    }
}

void check_arguments(const Chosen& chosen) {
    const ArgumentsInfo& arguments = chosen.info->arguments;
    if (!arguments.target || chosen.info->takes_program) return;
    const std::size_t count = arguments.target->size();
    if (count >= arguments.least && count <= arguments.most) return;
    throw UsageError(chosen.place + "takes " + arguments.placeholder + ", got " +
                     std::to_string(count) + (count == 1 ? " argument" : " arguments"));
}

// Without --, the program begins with the first word that is not ours.
void take_program(const Chosen& chosen, bool separated) {
    std::vector<std::string>& program = *chosen.info->arguments.target;
    for (const std::string& word : chosen.app->remaining()) {
        if (word == "--") continue;
        if (separated || (word.starts_with("-") && program.empty())) refuse_word(chosen, word);
        program.push_back(word);
    }
}

// What follows `--` is not ours, whatever it looks like. Returns whether there was one.
bool split_program(const CommandInfo& root, std::vector<std::string>& words) {
    if (words.empty()) return false;
    for (const CommandInfo& command : root.commands) {
        if (command.name != words[0] || !command.takes_program) continue;
        const auto mark = std::find(words.begin(), words.end(), "--");
        if (mark == words.end()) return false;
        command.arguments.target->assign(mark + 1, words.end());
        words.erase(mark, words.end());
        refuse_empty_values(words);
        return true;
    }
    refuse_empty_values(words);
    return false;
}

}  // namespace

const CommandInfo* parse_command_line(const CommandInfo& root, std::vector<std::string> words) {
    CLI::App app{root.summary, root.name};
    app.set_help_flag("-h,--help", "Print this help and exit");  // commands inherit it
    add_command(app, root, root.name);
    const bool separated = split_program(root, words);
    // What people try first.
    if (!words.empty() && words[0] == "help") {
        words.erase(words.begin());
        words.emplace_back("--help");
    }
    std::reverse(words.begin(), words.end());  // as CLI11 wants it
    try {
        app.parse(words);
    } catch (const CLI::CallForHelp&) {
        const Chosen chosen = find_chosen(app, root);
        if (!app.remaining().empty()) refuse_word({&app, &root, {}}, app.remaining()[0]);
        write_stdout(chosen.app->help());
        return nullptr;
    } catch (const CLI::ParseError& error) {
        throw UsageError(describe(error));
    }
    const Chosen chosen = find_chosen(app, root);
    if (!app.remaining().empty()) refuse_word({&app, &root, {}}, app.remaining()[0]);
    check_attached(*chosen.info);
    if (chosen.info->takes_program) {
        take_program(chosen, separated);
    } else if (!chosen.app->remaining().empty()) {
        refuse_word(chosen, chosen.app->remaining()[0]);
    }
    check_arguments(chosen);
    return chosen.info;
}

}  // namespace coir_tool
