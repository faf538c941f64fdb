// SPDX-License-Identifier: BSL-1.0
// The verdicts for well-known client libraries, as far as they are installed: what was found by
// running them in tasks is what coir audit must say by looking at them.
#include <algorithm>
#include <set>

#include "audit/legacy_table.hpp"
#include "audit/library_search.hpp"
#include "audit_support.hpp"

using namespace coir_tool;
using namespace elf_test;

namespace {

struct Expected {
    const char* soname;
    Verdict verdict;
    const char* heed;  ///< a function or a risk that the remedies are about; may be empty
};

const Expected expected[] = {
    {"libpq.so.5", Verdict::works_with_remedies, "fgets"},  // a password's prompt on stdin
    {"libcurl.so.4", Verdict::works_with_remedies, "fread"},
    {"libhiredis.so.0.14", Verdict::works, ""},
    {"libmariadb.so.3", Verdict::works, "fread"},
    {"libssl.so.3", Verdict::works, ""},
    {"libcrypto.so.3", Verdict::works_with_remedies, "fread"},
    {"librdkafka.so.1", Verdict::works_with_remedies, "thread-locals"},
    {"libcares.so.2", Verdict::works, "__fdelt_chk"},
    {"libmemcached.so.11", Verdict::works_with_remedies, "fgets"},
    {"libzmq.so.5", Verdict::works, ""},
    {"libsqlite3.so.0", Verdict::works, "pread64"},
    {"libssh2.so.1", Verdict::works, "fread"},
    {"libevent-2.1.so.7", Verdict::works, "__fdelt_chk"},
    {"libnghttp2.so.14", Verdict::works, ""},
    {"librabbitmq.so.4", Verdict::works, ""},
    {"libldap-2.5.so.0", Verdict::works, "fgets"},
    {"liblber-2.5.so.0", Verdict::works, ""},
    {"libkrb5.so.3", Verdict::works_with_remedies, "fgets"},
    {"libgssapi_krb5.so.2", Verdict::works, "fgets"},
    {"libgnutls.so.30", Verdict::works, "fgets"},
    {"libstdc++.so.6", Verdict::works, "getc"},
    {"libc.so.6", Verdict::blocks, "libc"},       // its stdio and
    {"libresolv.so.2", Verdict::blocks, "libc"},  // its resolver
};

bool names(const Audit& audit, std::string_view what) {
    if (find(audit, what)) return true;
    return std::any_of(audit.uncovered.begin(), audit.uncovered.end(), [&](const Risk& finding) {
        return std::find(finding.symbols.begin(), finding.symbols.end(), what) !=
               finding.symbols.end();
    });
}

}  // namespace

TEST_CASE("audit: L17: verdicts for well-known libraries", "[cli]") {
    const LibrarySearch search;
    const ElfFile self = read_elf(FileBytes("/proc/self/exe"));
    unsigned looked_at = 0;
    std::string missing;
    for (const Expected& library : expected) {
        const auto path = search.find(library.soname, self, "/proc/self/exe");
        if (!path) {
            missing += std::string(" ") + library.soname;
            continue;
        }
        ++looked_at;
        const Audit audit = audit_file(*path, {});
        std::string blocking;
        for (const Risk& finding : audit.uncovered) {
            if (finding.level != Level::blocks) continue;
            for (const std::string& symbol : finding.symbols) blocking += " " + symbol;
        }
        INFO(library.soname << ": " << audit.verdict_words() << "; blocking:" << blocking);
        CHECK(audit.verdict() == library.verdict);
        if (*library.heed) CHECK(names(audit, library.heed));
    }
    CHECK(looked_at >= 2);  // libc and libstdc++ are everywhere
    if (!missing.empty()) std::puts(("not installed:" + missing).c_str());
}
