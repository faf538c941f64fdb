// SPDX-License-Identifier: BSL-1.0
// The file that `coir pick --write` makes: whole or not at all, also when it is interrupted or the
// disk is full.
#include "support/catch.hpp"
#include "support/environment.hpp"

#include "command.hpp"
#include "output_file.hpp"
#include "pick/record.hpp"

#include <coir/detail/pick_file.hpp>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace coir_tool;
namespace fs = std::filesystem;

namespace {

int (*on_fsync)() = nullptr;

class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "coir-record.XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path); }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path), fs::directory_iterator()));
    }
    fs::path path;
};

std::string text_of(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

// The status with which a child ends that does this.
int status_of_child(const std::function<void()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        body();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

}  // namespace

// In place of libc's, for this program.
extern "C" int fsync(int) { return on_fsync ? on_fsync() : 0; }

TEST_CASE("cli: a record is what the library reads", "[cli]") {
    Folder folder;
    const std::string path = folder.path / "deep" / "er" / "reactor";
    record_choice(path, "poll", {"a comment", "reactor = epoll"});
    coir_test::Variable config("COIR_CONFIG", path.c_str());
    std::string note;
    const auto read = coir::detail::read_pick_file(&note);
    REQUIRE(read);
    CHECK(read->reactor == "poll");
    CHECK(read->fingerprint == coir::detail::machine_fingerprint());
    CHECK(note.empty());
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0644);
}

TEST_CASE("cli: a record that cannot be finished leaves the old one and nothing else", "[cli]") {
    Folder folder;
    const fs::path path = folder.path / "reactor";
    record_choice(path, "poll", {});
    const std::string before = text_of(path);
    on_fsync = [] {
        errno = ENOSPC;
        return -1;
    };
    try {
        record_choice(path, "epoll", {});
        FAIL("no error");
    } catch (const CommandError& error) {
        CHECK(error.status() == exit_failure);
        CHECK(std::string(error.what()).find("No space left") != std::string::npos);
    }
    on_fsync = nullptr;
    CHECK(text_of(path) == before);
    CHECK(folder.files() == 1);
}

TEST_CASE("cli: Ctrl-C in the midst of recording leaves a whole file or none", "[cli]") {
    for (const int signo : {SIGINT, SIGTERM, SIGHUP}) {
        Folder folder;
        const fs::path path = folder.path / "reactor";
        static int sent = 0;
        sent = signo;
        on_fsync = [] { return ::raise(sent); };
        const int status = status_of_child([&] {
            ::signal(sent, SIG_DFL);
            record_choice(path, "poll", {});
        });
        on_fsync = nullptr;
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == signo);
        CHECK(folder.files() == 1);
        CHECK(text_of(path).find("reactor = poll\nfingerprint = ") != std::string::npos);
    }
}

TEST_CASE("cli: trying whether a record can be made leaves nothing", "[cli]") {
    Folder folder;
    check_writable(folder.path / "reactor");
    CHECK(folder.files() == 0);
    std::ofstream(folder.path / "file") << "x";
    CHECK_THROWS_AS(check_writable(folder.path / "file" / "reactor"), CommandError);
    CHECK_THROWS_AS(check_writable(folder.path), CommandError);  // a folder
    CHECK(folder.files() == 1);
}

TEST_CASE("cli: a record behind a symbolic link replaces what it points to", "[cli]") {
    Folder folder;
    std::ofstream(folder.path / "real") << "old";
    fs::create_symlink("real", folder.path / "reactor");
    record_choice(folder.path / "reactor", "poll", {});
    CHECK(fs::is_symlink(folder.path / "reactor"));
    CHECK(text_of(folder.path / "real").find("reactor = poll") != std::string::npos);
    CHECK(folder.files() == 2);
}
