// SPDX-License-Identifier: BSL-1.0
// See row.hpp.
#include "row.hpp"

#include <coir/await.hpp>

#include <cerrno>
#include <cstring>

#include <fcntl.h>

namespace coir_matrix {
namespace {

struct SituationWords {
    const char* name;
    const char* description;
};

constexpr SituationWords words[] = {
    {"at once", "the operation need not wait"},
    {"later", "it waits, and then can go on"},
    {"short", "there is less than was asked for, or less room"},
    {"zero length", "nothing is asked for"},
    {"peer ends", "the other side ends in order"},
    {"peer resets", "the other side is gone with a reset"},
    {"cancelled before", "its task is cancelled before its first step; then once more"},
    {"cancelled in flight", "its task is cancelled while it waits; then once more"},
    {"cancelled in batch", "what it waits for has come, and it is cancelled before the loop knows"},
    {"cancelled after", "its task is cancelled when it is done"},
    {"deadline", "a deadline expires at the moment at which what it waits for comes"},
    {"closed by us", "the descriptor is closed by way of coir while it waits"},
    {"closed behind", "it is closed by close(2), and the number is used again"},
    {"bad descriptor", "the number is no descriptor"},
    {"signals", "signals interrupt the loop, a thousand in a second"},
    {"loop closed", "the loop is closed while it waits"},
    {"1000 tasks", "a thousand tasks do it on the one object, or sleep beside it"},
    {"blocking", "the descriptor is blocking, and it waits"},
    {"non-blocking", "the descriptor is non-blocking, and it waits"},
};
static_assert(std::size(words) == situation_count);

}  // namespace

const char* to_string(Situation situation) noexcept {
    return words[static_cast<std::size_t>(situation)].name;
}
const char* describe(Situation situation) noexcept {
    return words[static_cast<std::size_t>(situation)].description;
}

Expect::Expect(const char* row, std::string normal) {
    using S = Situation;
    all_.row = row;
    for (const S same : {S::at_once, S::later, S::cancelled_after, S::signals, S::thousand_tasks,
                         S::blocking, S::non_blocking}) {
        set(same, normal);
    }
    set(S::cancelled_before, "cancelled, then " + normal);
    set(S::cancelled_in_flight, "cancelled, then " + normal);
    set(S::cancelled_in_batch, "once");
    set(S::deadline, "once");
    set(S::closed_by_us, "ECANCELED");
    set(S::closed_behind, "ends, and the number works: " + normal);
    set(S::bad_descriptor, "EBADF");
    set(S::loop_closed, "cancelled");
}

Expect& Expect::set(Situation situation, std::string text) {
    all_.cells[static_cast<std::size_t>(situation)] = {std::move(text), true};
    return *this;
}

Expect& Expect::except(Situation situation, std::string reason) {
    all_.cells[static_cast<std::size_t>(situation)] = {std::move(reason), false};
    return *this;
}

Expect& Expect::except(std::initializer_list<Situation> situations, const std::string& reason) {
    for (const Situation one : situations) except(one, reason);
    return *this;
}

std::string bytes(std::int64_t count) {
    return std::to_string(count) + (count == 1 ? " byte" : " bytes");
}

std::string error_name(int error) {
    const char* name = ::strerrorname_np(error);
    return name ? name : "errno " + std::to_string(error);
}

std::string c_result(std::int64_t result) {
    if (result >= 0) return bytes(result);
    const int error = errno;
    if (error == ECANCELED) coir::checkpoint();
    return error_name(error);
}

int bad_descriptor() {
    int fd = 700;
    while (::fcntl(fd, F_GETFD) != -1) ++fd;
    return fd;
}

std::vector<RowInfo> all_rows() {
    std::vector<RowInfo> all = socket_rows();
    for (const auto& more : {descriptor_rows(), other_rows()}) all.insert(all.end(), more.begin(), more.end());
    return all;
}

}  // namespace coir_matrix
