// SPDX-License-Identifier: BSL-1.0
#include "completion.hpp"

#include "text.hpp"

#include <algorithm>

namespace coir_tool {
namespace {

// A command with the words that call it: "bench compare".
struct Place {
    std::string words;
    const CommandInfo* info;
};

void append_places(const CommandInfo& info, const std::string& words, std::vector<Place>& places) {
    places.push_back({words, &info});
    for (const CommandInfo& command : info.commands) {
        append_places(command, words + (words.empty() ? "" : " ") + command.name, places);
    }
}

std::vector<Place> all_places(const CommandInfo& root) {
    std::vector<Place> places;
    append_places(root, "", places);
    return places;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

bool takes_value(const OptionInfo& option) {
    return option.value() == OptionInfo::Value::required ||
           option.value() == OptionInfo::Value::repeated ||
           option.value() == OptionInfo::Value::optional;
}

// What may follow: commands, options, and the words of arguments.
std::vector<std::string> offered(const CommandInfo& info) {
    std::vector<std::string> words;
    for (const CommandInfo& command : info.commands) words.push_back(command.name);
    words.insert(words.end(), info.arguments.words.begin(), info.arguments.words.end());
    for (const OptionInfo& option : info.options) words.push_back(option.name);
    words.emplace_back("--help");
    return words;
}

// In single quotes, for all three shells.
std::string shell_quoted(const std::string& text) {
    std::string result = "'";
    for (const char letter : text) {
        if (letter == '\'') {
            result += "'\\''";
        } else {
            result += letter;
        }
    }
    return result + "'";
}

// What is offered for an option's value, at its name, with `=` behind it when that stands between.
std::string bash_value(const OptionInfo& option) {
    const bool attached = option.value() == OptionInfo::Value::attached;
    if (!takes_value(option) && !attached) return {};
    std::string pattern = option.name + "=";
    if (!attached) pattern = option.name + "|" + pattern;
    if (!attached && !option.letter.empty()) pattern = option.letter + "|" + pattern;
    std::string action = "words=" + shell_quoted(joined(option.words));
    if (option.words.empty()) action = "return";
    if (option.is_file) action = "files=yes";
    if (option.is_list) action += " list=yes";
    return "                " + pattern + ") " + action + " ;;\n";
}

std::string bash_place(const Place& place) {
    std::string text = "        " + shell_quoted(place.words) + ")\n";
    std::string values;
    for (const OptionInfo& option : place.info->options) values += bash_value(option);
    if (!values.empty()) text += "            case $previous$glue in\n" + values;
    const std::string otherwise = "words=" + shell_quoted(joined(offered(*place.info))) +
                                  (place.info->arguments.are_files ? "; files=yes" : "");
    if (values.empty()) return text + "            " + otherwise + " ;;\n";
    return text + "                *) " + otherwise + " ;;\n            esac ;;\n";
}

std::string format_bash(const CommandInfo& root) {
    std::string commands;
    std::string places;
    for (const Place& place : all_places(root)) {
        if (!place.words.empty()) commands += (commands.empty() ? "" : "|") + shell_quoted(place.words);
        places += bash_place(place);
    }
    return "# bash completion for coir\n"
           "_coir() {\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local place= next= words= files= list= glue= prefix= i\n"
           "    COMPREPLY=()\n"
           // Bash takes = for a word of its own, unless COMP_WORDBREAKS has none.
           "    if [[ $current == = ]]; then\n"
           "        glue== current=\n"
           "    elif [[ $previous == = ]]; then\n"
           "        glue== previous=${COMP_WORDS[COMP_CWORD-2]}\n"
           "    elif [[ $current == --*=* ]]; then\n"
           "        glue== previous=${current%%=*} prefix=${current%%=*}= current=${current#*=}\n"
           "    fi\n"
           "    for ((i = 1; i < COMP_CWORD; ++i)); do\n"
           "        if [[ ${COMP_WORDS[i]} == -- ]]; then\n"
           "            COMPREPLY=($(compgen -c -f -- \"$current\"))\n"
           "            return\n"
           "        fi\n"
           "        next=${place:+$place }${COMP_WORDS[i]}\n"
           "        case $next in\n"
           "            " + commands + ") place=$next ;;\n"
           "        esac\n"
           "    done\n"
           "    case $place in\n" + places +
           "    esac\n"
           // Of a list, the last word; those before it are not offered again.
           "    if [[ $list && $current == *,* ]]; then\n"
           "        prefix+=${current%,*},\n"
           "        words=\" $words \"\n"
           "        next=${current%,*}\n"
           "        for i in ${next//,/ }; do words=${words/ $i / }; done\n"
           "        current=${current##*,}\n"
           "    fi\n"
           "    [[ $list ]] && compopt -o nospace 2>/dev/null\n"
           "    COMPREPLY=($(compgen -P \"$prefix\" -W \"$words\" -- \"$current\"))\n"
           "    if [[ $files ]]; then\n"
           "        COMPREPLY+=($(compgen -P \"$prefix\" -f -- \"$current\"))\n"
           "        compopt -o filenames 2>/dev/null\n"
           "    fi\n"
           "}\n"
           "complete -F _coir coir\n";
}

// [text] of _arguments: brackets and colons mean something there.
std::string zsh_text(const std::string& text) {
    std::string result;
    for (const char letter : text) {
        if (letter == '[' || letter == ']' || letter == ':' || letter == '\\') result += '\\';
        result += letter;
    }
    return result;
}

std::string zsh_values(const std::vector<std::string>& words, bool files) {
    if (files) return "_files";
    return words.empty() ? " " : "(" + joined(words) + ")";
}

std::string zsh_value(const OptionInfo& option) {
    if (!option.is_list) return zsh_values(option.words, option.is_file);
    return "_values -s , " + option.name.substr(2) + " " + joined(option.words);
}

std::string zsh_option(const OptionInfo& option) {
    std::string spec = option.value() == OptionInfo::Value::repeated ? "*" : "";
    spec += option.name;
    // With = or a space between; what is attached, with = alone.
    if (option.value() == OptionInfo::Value::attached) spec += "=-";
    if (option.value() == OptionInfo::Value::required || option.value() == OptionInfo::Value::repeated) {
        spec += "=";
    }
    spec += "[" + zsh_text(option.description) + "]";
    if (option.value() != OptionInfo::Value::none) {
        const bool optional = option.value() != OptionInfo::Value::required &&
                              option.value() != OptionInfo::Value::repeated;
        spec += (optional ? "::" : ":") + zsh_text(option.placeholder) + ":" +
                zsh_value(option);
    }
    return shell_quoted(spec);
}

std::string zsh_function_name(const std::string& words) {
    std::string name = "_coir" + std::string(words.empty() ? "" : "_") + words;
    std::replace(name.begin(), name.end(), ' ', '_');
    return name;
}

std::string zsh_function(const Place& place) {
    const CommandInfo& info = *place.info;
    std::string text = zsh_function_name(place.words) + "() {\n";
    std::string specs = "'(-h --help)'{-h,--help}'[Print this help and exit]'";
    for (const OptionInfo& option : info.options) specs += " \\\n        " + zsh_option(option);
    if (info.takes_program) {
        specs += " \\\n        '*::program:_normal'";
    } else if (info.commands.empty() && info.arguments.target) {
        specs += " \\\n        " + shell_quoted("*:" + zsh_text(info.arguments.placeholder) + ":" +
                                          zsh_values(info.arguments.words, info.arguments.are_files));
    }
    if (info.commands.empty()) return text + "    _arguments -s " + specs + "\n}\n";
    specs += " \\\n        '1: :->command' '*:: :->arguments'";
    text += "    local state line\n    _arguments -s -C " + specs + "\n    case $state in\n";
    text += "        command)\n            local -a commands=(";
    for (const CommandInfo& command : info.commands) {
        text += "\n                " + shell_quoted(command.name + ":" + command.summary);
    }
    for (const std::string& word : info.arguments.words) text += "\n                " + shell_quoted(word);
    text += ")\n            _describe command commands ;;\n        arguments)\n            case $line[1] in\n";
    for (const CommandInfo& command : info.commands) {
        const std::string words = place.words + (place.words.empty() ? "" : " ") + command.name;
        text += "                " + command.name + ") " + zsh_function_name(words) + " ;;\n";
    }
    if (!info.arguments.words.empty()) {
        text += "                *) _values scenario " + joined(info.arguments.words) + " ;;\n";
    }
    return text + "            esac ;;\n    esac\n}\n";
}

std::string format_zsh(const CommandInfo& root) {
    std::string text = "#compdef coir\n# zsh completion for coir\n";
    for (const Place& place : all_places(root)) text += zsh_function(place);
    return text + "if [ \"$funcstack[1]\" = _coir ]; then _coir \"$@\"; else compdef _coir coir; fi\n";
}

// Whether exactly this command is being typed.
std::string fish_condition(const CommandInfo& root, const Place& place) {
    if (place.words.empty()) return "__fish_use_subcommand";
    const std::size_t space = place.words.find(' ');
    std::string condition = "__fish_seen_subcommand_from " + place.words.substr(0, space);
    if (space != std::string::npos) {
        return condition + "; and __fish_seen_subcommand_from " + place.words.substr(space + 1);
    }
    std::string below;
    for (const CommandInfo& command : root.commands) {
        if (command.name != place.words) continue;
        for (const CommandInfo& one : command.commands) below += " " + one.name;
    }
    if (!below.empty()) condition += "; and not __fish_seen_subcommand_from" + below;
    return condition;
}

std::string fish_words(const OptionInfo& option) {
    const std::string words = joined(option.words);
    return option.is_list ? "(__fish_complete_list , \"printf %s\\\\n " + words + "\")" : words;
}

std::string fish_option(const OptionInfo& option) {
    std::string text = option.letter.empty() ? "" : " -s " + option.letter.substr(1);
    text += " -l " + option.name.substr(2);
    if (takes_value(option)) {
        text += option.value() == OptionInfo::Value::optional ? "" : " -r";
        text += option.is_file ? " -F" : option.words.empty() ? "" : " -a " + shell_quoted(fish_words(option));
    }
    return text + " -d " + shell_quoted(option.description);
}

std::string format_fish(const CommandInfo& root) {
    std::string text = "# fish completion for coir\ncomplete -c coir -f\ncomplete -c coir -s h -l help -d 'Print this help and exit'\n";
    for (const Place& place : all_places(root)) {
        const std::string start = "complete -c coir -n " + shell_quoted(fish_condition(root, place));
        for (const CommandInfo& command : place.info->commands) {
            text += start + " -a " + command.name + " -d " + shell_quoted(command.summary) + "\n";
        }
        if (!place.info->arguments.words.empty()) {
            text += start + " -a " + shell_quoted(joined(place.info->arguments.words)) + "\n";
        }
        if (place.info->arguments.are_files || place.info->takes_program) text += start + " -F\n";
        for (const OptionInfo& option : place.info->options) {
            text += start + fish_option(option) + "\n";
        }
    }
    return text;
}

}  // namespace

const std::vector<std::string>& shell_names() {
    static const std::vector<std::string> names = {"bash", "zsh", "fish"};
    return names;
}

std::string format_completion(const CommandInfo& root, const std::string& shell) {
    if (shell == "bash") return format_bash(root);
    if (shell == "zsh") return format_zsh(root);
    if (shell == "fish") return format_fish(root);
    throw UsageError("completion takes " + listed(shell_names()) + ", got " + in_quotes(shell) +
                     did_you_mean(shell, shell_names()));
}

}  // namespace coir_tool
