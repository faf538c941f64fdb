// SPDX-License-Identifier: BSL-1.0
// A folder for the files of a test, and audits of files that are made there.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "audit/audit.hpp"
#include "elf_builder.hpp"
#include "support/catch.hpp"

namespace elf_test {

class Folder {
public:
    Folder() : path_("/tmp/coir-audit-XXXXXX") {
        if (!::mkdtemp(path_.data())) FAIL("no folder in /tmp");
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        for (const std::string& name : files_) ::unlink(name.c_str());
        ::rmdir(path_.c_str());
    }
    const std::string& path() const { return path_; }
    std::string write(const std::string& name, const std::string& bytes) {
        files_.push_back(path_ + "/" + name);
        write_file(files_.back(), bytes);
        return files_.back();
    }

private:
    std::string path_;
    std::vector<std::string> files_;
};

inline coir_tool::Audit audit_of(const Content& content, const coir_tool::Allowed& allowed = {}) {
    Folder folder;
    return coir_tool::audit_file(folder.write("file", build(content)), allowed);
}

/// The finding of that name; null when there is none.
inline const coir_tool::Risk* find(const coir_tool::Audit& audit, std::string_view name) {
    for (const auto* list : {&audit.uncovered, &audit.risks}) {
        for (const coir_tool::Risk& finding : *list) {
            if (finding.name == name) return &finding;
        }
    }
    return nullptr;
}

}  // namespace elf_test
