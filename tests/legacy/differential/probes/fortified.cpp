// SPDX-License-Identifier: BSL-1.0
// What compilers call instead when they check buffers (_FORTIFY_SOURCE).
#include "common.hpp"

#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

using namespace differential;

namespace {

template <class Function>
Function* fortified(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
}

}  // namespace

PROBE("fortified calls wait as the others do", "__read_chk", "__recv_chk", "__recvfrom_chk",
      "__poll_chk", "__ppoll_chk") {
    const auto read_chk = fortified<ssize_t(int, void*, std::size_t, std::size_t)>("__read_chk");
    const auto recv_chk =
        fortified<ssize_t(int, void*, std::size_t, std::size_t, int)>("__recv_chk");
    const auto recvfrom_chk = fortified<ssize_t(int, void*, std::size_t, std::size_t, int,
                                                sockaddr*, socklen_t*)>("__recvfrom_chk");
    const auto poll_chk = fortified<int(pollfd*, nfds_t, int, std::size_t)>("__poll_chk");
    const auto ppoll_chk = fortified<int(pollfd*, nfds_t, const timespec*, const sigset_t*,
                                         std::size_t)>("__ppoll_chk");
    Pair pair;
    Actor writer = spawn([&] {
        for (int i = 0; i < 5; ++i) {
            pause_for(15ms);
            ::write(pair.fd[1], "x", 1);
        }
    });
    char byte;
    pollfd one{pair.fd[0], POLLIN, 0};
    report("read", read_chk(pair.fd[0], &byte, 1, 1));
    report("recv", recv_chk(pair.fd[0], &byte, 1, 1, 0));
    report("recvfrom", recvfrom_chk(pair.fd[0], &byte, 1, 1, 0, nullptr, nullptr));
    report("poll", poll_chk(&one, 1, -1, sizeof one));
    report("read", read_chk(pair.fd[0], &byte, 1, 1));
    report("ppoll", ppoll_chk(&one, 1, nullptr, nullptr, sizeof one));
}

PROBE("a fortified call that would write too far", "__read_chk") {
    const auto read_chk = fortified<ssize_t(int, void*, std::size_t, std::size_t)>("__read_chk");
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(2);
        char byte;
        read_chk(0, &byte, 2, 1);
        ::_exit(0);
    }
    // Not with waitpid(): it is no matter of this probe.
    int status = 0;
    while (::syscall(SYS_wait4, child, &status, WNOHANG, nullptr) == 0) pause_for(2ms);
    say("it ends by %s", WIFSIGNALED(status) ? ::sigabbrev_np(WTERMSIG(status)) : "itself");
}
