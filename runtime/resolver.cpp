// SPDX-License-Identifier: BSL-1.0
// Name resolution on the resolver's lane of threads.
//
// A lookup cannot be stopped. Its job therefore lives on the heap and owns what it needs: a task
// that is cancelled leaves it behind, and it is freed when its answer comes home.
//
//   queued --thread--> running --post--> answered     (the waiter takes the answer)
//      `--cancel: withdrawn    `--cancel: abandoned --post--> freed
#include "resolver.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <coir/detail/wait_queue.hpp>
#include <coir/error.hpp>
#include <memory>
#include <stdexcept>

#include "scheduler.hpp"
#include "thread_pool.hpp"

namespace coir {
inline namespace v0 {
namespace detail {
namespace {

// An answer on its way.
struct LookupJob : PoolJob, ReadyEntry {
    Scheduler* scheduler = nullptr;
    TaskBase* waiter = nullptr;  // the loop's thread only; null: abandoned
    int eai_code = 0;
    int error_number = 0;

    virtual ~LookupJob() = default;
    virtual int look_up() noexcept = 0;
};

void work(PoolJob& base) noexcept {
    auto& job = static_cast<LookupJob&>(base);
    job.eai_code = job.look_up();
    if (job.eai_code == EAI_SYSTEM) job.error_number = errno;
    job.scheduler->post(job);  // the loop joins its pools before it refuses posts
}

void come_home(ReadyEntry& entry) noexcept {
    auto* job = static_cast<LookupJob*>(&entry);
    if (TaskBase* waiter = std::exchange(job->waiter, nullptr)) {
        job->scheduler->make_ready(*waiter);
    } else {
        delete job;
    }
}

struct LookupPark : Park {
    LookupJob* job = nullptr;
    bool withdrawn = false;
    bool abandoned = false;

    static void cancel_lookup(Park& park, TaskBase& task) noexcept {
        auto& self = static_cast<LookupPark&>(park);
        self.withdrawn = task.scheduler().resolver_pool().withdraw(*self.job);
        self.abandoned = !self.withdrawn;
        self.job->waiter = nullptr;
        task.scheduler().make_ready(task);
    }
};

// Suspends until the answer is there.
template <class Job>
void run_lookup(std::unique_ptr<Job>& job, const char* what) {
    TaskBase& self = require_task(what);
    Scheduler& scheduler = self.scheduler();
    job->scheduler = &scheduler;
    job->waiter = &self;
    job->work = &work;
    job->run = &come_home;
    LookupPark park;
    park.what = what;
    park.Park::cancel = &LookupPark::cancel_lookup;
    park.job = job.get();
    scheduler.job_started();
    try {
        scheduler.resolver_pool().submit(*job);
    } catch (...) {
        scheduler.job_finished();
        throw;
    }
    scheduler.suspend(park);
    scheduler.job_finished();
    if (park.abandoned) static_cast<void>(job.release());
    if (park.abandoned || park.withdrawn) self.throw_cancelled();
}

struct AddressJob final : LookupJob {
    std::string host;
    std::string service;
    bool has_host = false;
    bool has_service = false;
    addrinfo hints{};
    addrinfo* results = nullptr;

    ~AddressJob() override {
        if (results) ::freeaddrinfo(results);
    }
    int look_up() noexcept override {
        return ::getaddrinfo(has_host ? host.c_str() : nullptr,
                             has_service ? service.c_str() : nullptr, &hints, &results);
    }
};

struct NameJob final : LookupJob {
    Address address;
    int flags = 0;
    char host[NI_MAXHOST] = {};
    char service[NI_MAXSERV] = {};

    int look_up() noexcept override {
        return ::getnameinfo(address.data(), address.size(), host, sizeof host, service,
                             sizeof service, flags);
    }
};

std::optional<int> numeric_port(std::string_view service) noexcept {
    if (service.empty()) return 0;
    int port = 0;
    const auto [end, error] =
        std::from_chars(service.data(), service.data() + service.size(), port);
    if (error != std::errc() || end != service.data() + service.size()) return std::nullopt;
    return port;
}

[[noreturn]] void throw_lookup(const LookupJob& job, const std::string& what) {
    if (job.eai_code == EAI_SYSTEM) throw IoError(job.error_number, what);
    throw ResolveError(job.eai_code, "coir: " + what);
}

// One entry per socket type, as the C library does it.
std::vector<AddrInfo> literal_results(const Address& address, const AddrInfoHints& hints) {
    constexpr struct {
        int type;
        int protocol;
    } kinds[] = {{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}, {SOCK_RAW, 0}};
    std::vector<AddrInfo> results;
    for (const auto& kind : kinds) {
        if (hints.type != 0 && hints.type != kind.type) continue;
        if (hints.protocol != 0 && kind.protocol != 0 && hints.protocol != kind.protocol) continue;
        results.push_back({address.family(),
                           kind.type,
                           hints.protocol != 0 ? hints.protocol : kind.protocol,
                           address,
                           {}});
    }
    if ((hints.flags & AI_CANONNAME) != 0 && !results.empty()) {
        results.front().canonical_name = address.host();
    }
    return results;
}

}  // namespace

void require_host(std::string_view host) {
    constexpr std::size_t longest = 253;  // of a name in the DNS
    if (host.size() > longest) {
        throw std::invalid_argument("coir: a host name of " + std::to_string(host.size()) +
                                    " bytes; at most 253 are possible");
    }
    if (host.find('\0') != std::string_view::npos) {
        throw std::invalid_argument("coir: a host name with a NUL");
    }
}

void require_port(int port) {
    if (port >= 0 && port <= 65535) return;
    throw std::invalid_argument("coir: " + std::to_string(port) + " is not a port (0 to 65535)");
}

std::vector<Address> resolve_addresses(std::string_view host, int port, int family, bool passive) {
    AddrInfoHints hints;
    hints.family = family;
    hints.flags = passive ? AI_PASSIVE : 0;
    std::vector<Address> addresses;
    for (const AddrInfo& info : getaddrinfo(host, port, hints)) {
        if (std::find(addresses.begin(), addresses.end(), info.address) == addresses.end()) {
            addresses.push_back(info.address);
        }
    }
    if (addresses.empty()) {
        throw ResolveError(EAI_NONAME, "coir: getaddrinfo of '" + std::string(host) + "'");
    }
    return addresses;
}

}  // namespace detail

namespace {

class ResolverCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "resolver"; }
    std::string message(int code) const override { return ::gai_strerror(code); }
};

constinit const ResolverCategory the_resolver_category;

}  // namespace

const std::error_category& resolver_category() noexcept {
    return the_resolver_category;
}

ResolveError::ResolveError(int eai_code, const std::string& what)
    : std::system_error(eai_code, resolver_category(), what) {}
ResolveError::~ResolveError() = default;

std::vector<AddrInfo> getaddrinfo(std::string_view host, std::string_view service,
                                  const AddrInfoHints& hints) {
    detail::TaskBase& self = detail::enter_suspension_point("getaddrinfo");
    detail::require_host(host);
    if (service.find('\0') != std::string_view::npos) {
        throw std::invalid_argument("coir: a service name with a NUL");
    }
    const std::optional<int> port = detail::numeric_port(service);
    if (port) detail::require_port(*port);
    if (port && !host.empty()) {
        const auto literal = Address::parse(host, *port);
        if (literal && (hints.family == AF_UNSPEC || hints.family == literal->family())) {
            detail::leave_without_suspending(self);
            return detail::literal_results(*literal, hints);
        }
    }
    auto job = std::make_unique<detail::AddressJob>();
    job->host = host;
    job->service = service;
    job->has_host = !host.empty();
    job->has_service = !service.empty() || host.empty();
    if (job->has_service && service.empty()) job->service = "0";
    job->hints.ai_family = hints.family;
    job->hints.ai_socktype = hints.type;
    job->hints.ai_protocol = hints.protocol;
    job->hints.ai_flags = hints.flags;
    detail::run_lookup(job, "getaddrinfo");
    if (job->eai_code != 0) {
        detail::throw_lookup(*job, "getaddrinfo of '" + job->host + "'");
    }
    std::vector<AddrInfo> results;
    for (const addrinfo* at = job->results; at; at = at->ai_next) {
        results.push_back({at->ai_family, at->ai_socktype, at->ai_protocol,
                           Address(at->ai_addr, at->ai_addrlen),
                           at->ai_canonname ? at->ai_canonname : std::string()});
    }
    return results;
}

std::vector<AddrInfo> getaddrinfo(std::string_view host, int port, const AddrInfoHints& hints) {
    detail::require_port(port);
    return getaddrinfo(host, std::to_string(port), hints);
}

NameInfo getnameinfo(const Address& address, int flags) {
    detail::TaskBase& self = detail::enter_suspension_point("getnameinfo");
    constexpr int numeric = NI_NUMERICHOST | NI_NUMERICSERV;
    const bool ip = address.family() == AF_INET || address.family() == AF_INET6;
    if (ip && (flags & numeric) == numeric && (flags & NI_NAMEREQD) == 0) {
        detail::leave_without_suspending(self);
        return {address.host(), std::to_string(address.port())};
    }
    auto job = std::make_unique<detail::NameJob>();
    job->address = address;
    job->flags = flags;
    detail::run_lookup(job, "getnameinfo");
    if (job->eai_code != 0) {
        detail::throw_lookup(*job, "getnameinfo of " + address.to_string());
    }
    return {job->host, job->service};
}

}  // namespace v0
}  // namespace coir
