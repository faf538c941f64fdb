// SPDX-License-Identifier: BSL-1.0
// Workloads, and what they are measured on, for a part of a second at a time.
#pragma once

#include "interrupt.hpp"
#include "sample.hpp"

#include <functional>
#include <string>
#include <vector>

namespace coir_tool {

/// What a workload can be measured on.
struct Subject {
    enum class Kind : unsigned char {
        reactor,   ///< coir on that reactor
        baseline,  ///< what one writes by hand without coir: see Workload::baselines
        peer,      ///< another library's or runtime's server
        server,    ///< one that was running already
    };
    std::string name;
    Kind kind = Kind::reactor;
    std::string version;               ///< of a peer
    std::vector<std::string> command;  ///< of a peer
};

struct CaseInfo {
    std::string name;
    std::string unit;  ///< "ns", "bytes", or something per second: "requests/s"
    bool higher_is_better = false;
    /// Where the case stands among its like, for a curve: {"connections", 64}. Empty: nowhere.
    std::string axis;
    double at = 0;
};

struct Workload {
    std::string scenario;
    std::string title;  ///< one line that says what is done
    std::vector<CaseInfo> cases;
    /// The names of the baselines that `measure` knows, besides every reactor.
    std::vector<std::string> baselines;
    bool peers = false;  ///< whether `measure` takes peers
    /// Measures for about `seconds`, in children; one for each case. Throws ChildFailure and
    /// InterruptedBySignal.
    std::function<std::vector<Measured>(InterruptWatch&, const Subject&, double seconds)> measure;
    /// System calls of the subject per operation, for each case, counted in about `seconds` of the same
    /// load, which that slows down. Empty or absent where tracing is not permitted.
    std::function<std::vector<double>(InterruptWatch&, const Subject&, double seconds)>
        count_syscalls = {};
};

}  // namespace coir_tool
