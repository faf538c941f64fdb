// SPDX-License-Identifier: BSL-1.0
// Echo servers of other runtimes (bench/peers), which `coir bench` compares coir with.
#pragma once

#include <string>
#include <vector>

namespace coir_tool {

/// A server that can be started here. It takes no further argument (but go: --threads N), prints
/// its port and a newline, and echoes until its standard input ends or SIGTERM comes.
struct Peer {
    std::string name;                  ///< "libuv"
    std::string version;               ///< "1.44.2"; never empty
    std::vector<std::string> command;  ///< for execvp(): a path, or a name to be looked up in PATH
};

/// A server that cannot be.
struct MissingPeer {
    std::string name;
    std::string package;  ///< Debian's, several with a space between them
    /// It is part of coir's build, so that has to be done again once the package is there.
    /// Otherwise the package alone brings it.
    bool built = false;
};

/// The peers that are here, in a fixed order. Each is asked for its version, all at a time, which
/// takes as long as its interpreter takes to start; one that does not say it within `most_seconds`
/// is none. Throws std::system_error when no process can be started.
std::vector<Peer> find_peers();
/// The same from the peers.list of a folder.
std::vector<Peer> find_peers(const std::string& folder, int most_seconds = 10);
/// The folder with peers.list, in the build tree or installed; "" when there is none: then there
/// are no peers.
std::string find_peers_folder();
/// Those that are not among `found`, in the same order.
std::vector<MissingPeer> missing_peers(const std::vector<Peer>& found);
/// All names, in the same order.
std::vector<std::string> peer_names();

}  // namespace coir_tool
