// SPDX-License-Identifier: BSL-1.0
// coir config: which settings are in force, and where they came from.
#include "command.hpp"
#include "output.hpp"
#include "probe.hpp"
#include "table.hpp"
#include "variable.hpp"

#include "support/json.hpp"

#include <coir/detail/pick_file.hpp>
#include <coir/version.hpp>

#include <filesystem>
#include <optional>

namespace coir_tool {
namespace {

constexpr const char* variables[] = {"COIR_REACTOR", "COIR_CONFIG", "COIR_STACK", "COIR_POOL",
                                     "COIR_DEBUG",   "COIR_LOG",    "COIR_LEGACY", "COIR_DEEP",
                                     "COIR_DETACHED_FAILURE"};

struct RecordedFile {
    std::string path;
    std::string state;
};

struct Settings {
    AutomaticChoice choice;
    const char* source = "";  ///< of the choice
    std::vector<RecordedFile> files;
    std::vector<std::pair<std::string, std::string>> set;  ///< variables, and what they are
};

bool asks_for_a_reactor(const char* value) { return value && std::string_view(value) != "auto"; }

std::vector<RecordedFile> read_files(const std::optional<coir::detail::PickedReactor>& used,
                                     const std::string& note, bool asked) {
    std::vector<RecordedFile> files;
    bool found = false;
    for (const std::string& path : coir::detail::pick_file_paths()) {
        std::error_code error;
        std::string state;
        if (used && used->path == path) {
            found = true;
            state = "says " + used->reactor + (asked ? ", but COIR_REACTOR goes first" : "");
        } else if (found) {
            state = "not looked at: the one before it decides";
        } else if (note.find(path) != std::string::npos) {
            state = "passed over: " + note;
        } else if (std::filesystem::exists(path, error)) {
            state = "says nothing";
        } else {
            state = "is not there";
        }
        files.push_back({path, state});
    }
    return files;
}

Settings read_settings() {
    Settings settings;
    settings.choice = probe_everything().choice;
    std::string note;
    const auto used = coir::detail::read_pick_file(&note);
    const bool asked = asks_for_a_reactor(variable("COIR_REACTOR"));
    settings.files = read_files(used, note, asked);
    // The choice's own words say when a file was passed over for a reactor that cannot be used.
    const bool followed = used && settings.choice.reactor == used->reactor;
    if (asked) {
        settings.source = "environment";
    } else if (!followed) {
        settings.source = "built-in";
    } else if (variable("COIR_CONFIG")) {
        settings.source = "COIR_CONFIG";
    } else {
        settings.source = used->path == "/etc/coir/reactor" ? "system file" : "user file";
    }
    for (const char* name : variables) {
        if (const char* value = variable(name)) settings.set.emplace_back(name, value);
    }
    return settings;
}

std::string format_text(const Settings& settings) {
    const bool colours = stdout_has_colour();
    const AutomaticChoice& choice = settings.choice;
    std::string text = coloured("reactor", Colour::bold, colours) + "\n  ";
    if (choice.reactor.empty()) {
        text += coloured("none", Colour::red, colours) + ": " + wrapped(choice.why, 8) + "\n";
    } else {
        text += coloured(choice.reactor, Colour::bold, colours) + ", from: " + settings.source + "\n  " +
                wrapped(choice.why, 2) + "\n";
    }
    text += "\n" + coloured("recorded choices", Colour::bold, colours) + ", in the order in which they are looked for\n";
    for (const RecordedFile& file : settings.files) {
        text += "  " + file.path + "\n    " + wrapped(file.state, 4) + "\n";
    }
    text += "\n" + coloured("variables", Colour::bold, colours) + "\n";
    Table table({{"", false}, {"", false}});
    for (const auto& [name, value] : settings.set) table.add({{name}, {value}});
    return text + (settings.set.empty() ? "  none is set\n" : table.format(colours));
}

std::string format_json(const Settings& settings) {
    coir_bench::Json json;
    json.open('{').field("schema", "coir.config/1").field("coir", std::string(coir::version()));
    json.key("reactor").open('{');
    if (settings.choice.reactor.empty()) {
        json.field("error", settings.choice.why);
    } else {
        json.field("value", settings.choice.reactor).field("source", settings.source);
        json.field("why", settings.choice.why);
    }
    json.close('}').key("files").open('[');
    for (const RecordedFile& file : settings.files) {
        json.open('{').field("path", file.path).field("state", file.state).close('}');
    }
    json.close(']').key("variables").open('{');
    for (const auto& [name, value] : settings.set) json.field(name, value);
    json.close('}').close('}');
    return json.text() + "\n";
}

}  // namespace

int config_command(const ConfigOptions& options) {
    const Settings settings = read_settings();
    write_stdout(options.json ? format_json(settings) : format_text(settings));
    return settings.choice.reactor.empty() ? exit_unavailable : exit_ok;
}

}  // namespace coir_tool
