// SPDX-License-Identifier: BSL-1.0
// The commands of coir as data: what the parser, the help texts, the manual page and the completion
// of shells are all made of.
#pragma once

#include "command.hpp"

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace coir_tool {

struct OptionInfo {
    enum class Value : unsigned char {
        none,      ///< --json
        required,  ///< --rounds N, --rounds=N
        optional,  ///< --write, --write user
        attached,  ///< --legacy, --legacy=LIST: the next word is not its value
        repeated,  ///< --allow NAME --allow NAME
    };
    /// Where it goes: a flag, a text, or the texts in their order.
    using Target = std::variant<bool*, OptionText*, std::vector<std::string>*>;

    std::string name;         ///< "--rounds"
    std::string placeholder;  ///< "N"; empty for a flag
    std::string description;
    Target target;
    std::vector<std::string> words = {};  ///< that the value may be, for completion
    bool is_file = false;                 ///< the value is a file's name
    std::string letter = {};              ///< "-o"
    bool is_list = false;                 ///< of words, with commas in between

    Value value() const;
};

struct ArgumentsInfo {
    std::string placeholder;  ///< "FILE..."; empty: the command takes none
    std::string description;
    std::vector<std::string>* target = nullptr;
    std::size_t least = 0;
    std::size_t most = 1'000'000;
    std::vector<std::string> words = {};
    bool are_files = false;
};

struct CommandInfo {
    std::string name;
    std::string summary;  ///< one line
    std::string usage;    ///< after "coir NAME"
    std::string details;  ///< paragraphs and examples, as they are printed
    std::vector<OptionInfo> options;
    ArgumentsInfo arguments;
    std::vector<CommandInfo> commands;  ///< "bench compare"
    /// What follows `--` is a program's.
    bool takes_program = false;
    std::function<int()> run;  ///< returns the exit status, or throws CommandError
};

inline OptionInfo::Value OptionInfo::value() const {
    if (std::holds_alternative<bool*>(target)) return Value::none;
    if (placeholder.starts_with("[=")) return Value::attached;
    if (placeholder.starts_with("[")) return Value::optional;
    return std::holds_alternative<OptionText*>(target) ? Value::required : Value::repeated;
}

}  // namespace coir_tool
