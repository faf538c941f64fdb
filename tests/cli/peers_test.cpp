// SPDX-License-Identifier: BSL-1.0
// Which servers of other runtimes `coir bench` finds: peers.list, and what the commands in it say.
#include "peers.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "audit_support.hpp"

using namespace coir_tool;
using elf_test::Folder;
using Clock = std::chrono::steady_clock;
using Words = std::vector<std::string>;

namespace {

class PeersFolder {
public:
    void script(const std::string& name, const std::string& body) {
        ::chmod(folder_.write(name, "#!/bin/sh\n" + body + "\n").c_str(), 0755);
    }
    void list(const std::string& text) { folder_.write("peers.list", text); }
    std::vector<Peer> find(int most_seconds = 10) const {
        return find_peers(folder_.path(), most_seconds);
    }
    std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

private:
    Folder folder_;
};

Words names_of(const std::vector<Peer>& peers) {
    Words names;
    for (const Peer& peer : peers) names.push_back(peer.name);
    return names;
}

}  // namespace

TEST_CASE("peers: the words of a command and the version that it says", "[peers]") {
    PeersFolder folder;
    // Its arguments, so that the version shows what it was asked with.
    folder.script("server", "echo \"$*\"");
    folder.list("uvloop\tsh\t./server\t--loop\ttwo words\nlibuv\t./server\n");
    const std::vector<Peer> peers = folder.find();
    REQUIRE(names_of(peers) == Words{"libuv", "uvloop"});  // in the order of peer_names()
    CHECK(peers[0].command == Words{folder.path("server")});
    CHECK(peers[0].version == "--version");
    CHECK(peers[1].command == Words{"sh", folder.path("server"), "--loop", "two words"});
    CHECK(peers[1].version == "--loop two words --version");
}

TEST_CASE("peers: of several commands the first that works", "[peers]") {
    PeersFolder folder;
    folder.script("broken", "echo 'cannot load it' >&2; exit 1");
    folder.script("silent", "echo; exit 0");
    folder.script("first", "echo 1.1");
    folder.script("second", "echo 2.2");
    folder.list(
        "uvloop\tno-such-interpreter-of-coir\t./first\nuvloop\t./broken\nuvloop\t./silent\n"
        "uvloop\t./absent\nuvloop\t./first\nuvloop\t./second\nlibuv\t./broken\n");
    const std::vector<Peer> peers = folder.find();
    REQUIRE(peers.size() == 1);
    CHECK(peers[0].version == "1.1");
    CHECK(peers[0].command == Words{folder.path("first")});
}

TEST_CASE("peers: those that say nothing cost the time of one", "[peers]") {
    PeersFolder folder;
    folder.script("hung", "exec sleep 60");
    folder.script("good", "echo 3");
    folder.list("libuv\t./hung\nasio\t./hung\nlibevent\t./hung\nnode\t./good\n");
    const auto begin = Clock::now();
    CHECK(names_of(folder.find(1)) == Words{"node"});
    CHECK(Clock::now() - begin < std::chrono::seconds(3));
}

TEST_CASE("peers: lists that say nothing", "[peers]") {
    PeersFolder folder;
    CHECK(folder.find().empty());  // there is no list
    folder.script("server", "echo 1");
    for (const char* text : {"", "\n\n", "libuv", "libuv\n", "libuv\t", "libuv\t\n", "\t./server\n",
                             "# libuv\t./server\n", "unknown\t./server\n", "libuv \t./server\n"}) {
        CAPTURE(text);
        folder.list(text);
        CHECK(folder.find().empty());
    }
    folder.list("libuv\t./server");  // without the last newline
    CHECK(folder.find().size() == 1);
}

TEST_CASE("peers: what is missing, and Debian's package of it", "[peers]") {
    const std::vector<MissingPeer> all = missing_peers({});
    REQUIRE(all.size() == peer_names().size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i].name == peer_names()[i]);
        CHECK_FALSE(all[i].package.empty());
    }
    std::vector<Peer> found;
    for (const std::string& name : peer_names()) {
        if (name != "go" && name != "uvloop") found.push_back({name, "1", {"x"}});
    }
    const std::vector<MissingPeer> two = missing_peers(found);
    REQUIRE(two.size() == 2);
    CHECK(two[0].name == "go");
    CHECK(two[0].package == "golang-go");
    CHECK(two[0].built);
    CHECK(two[1].name == "uvloop");
    CHECK(two[1].package == "python3-uvloop");
    CHECK_FALSE(two[1].built);
}
