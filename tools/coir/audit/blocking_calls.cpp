// SPDX-License-Identifier: BSL-1.0
#include "blocking_calls.hpp"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

namespace coir_tool {

const char* level_name(Level level) {
    switch (level) {
        case Level::note:
            return "note";
        case Level::remedy:
            return "remedy";
        case Level::blocks:
            break;
    }
    return "blocks";
}

const std::vector<CallGroup>& call_groups() {
    // clang-format off
    static const std::vector<CallGroup> groups = {
        {"io", Level::blocks, "waits for a descriptor: use the coir_ function of <coir/coir.h>, or to_thread",
         "read __read_chk readv write writev recv __recv_chk recvfrom __recvfrom_chk recvmsg recvmmsg "
         "send sendto sendmsg sendmmsg connect accept accept4 "
         "poll __poll_chk ppoll __ppoll_chk select pselect epoll_wait epoll_pwait epoll_pwait2 "
         "eventfd_read eventfd_write tcdrain"},
        {"alias", Level::blocks, "libc's inner name, which is not replaced: call the plain one, or to_thread",
         "__read __write __connect __send __recv __recvfrom __poll __select __pselect __nanosleep __sched_yield "
         "__wait __waitpid __sigsuspend __sigpause __pread64 __pwrite64 __flock __libc_system"},
        {"sleep", Level::blocks, "sleeps: use coir_sleep_ns, or to_thread",
         "sleep usleep nanosleep clock_nanosleep thrd_sleep sched_yield pthread_yield thrd_yield"},
        {"names", Level::blocks, "asks name servers inside libc: use coir::getaddrinfo, or to_thread",
         "getaddrinfo getnameinfo gethostbyname gethostbyname2 gethostbyaddr gethostbyname_r gethostbyname2_r "
         "gethostbyaddr_r gai_suspend "
         "res_query res_search res_querydomain res_send res_nquery res_nsearch res_nquerydomain res_nsend "
         "__res_query __res_search __res_querydomain __res_send __res_nquery __res_nsearch __res_nquerydomain "
         "__res_nsend"},
        {"users", Level::remedy, "reads a file, or asks a server where users and services come from LDAP or the like: to_thread",
         "getservbyname getservbyport getservbyname_r getservbyport_r getservent getservent_r "
         "getprotobyname getprotobynumber getprotobyname_r getprotobynumber_r getprotoent "
         "getnetbyname getnetbyaddr getnetbyname_r getnetbyaddr_r getrpcbyname getrpcbynumber "
         "getpwnam getpwuid getpwnam_r getpwuid_r getpwent getpwent_r getgrnam getgrgid getgrnam_r getgrgid_r "
         "getgrent getgrent_r getspnam getspnam_r initgroups getgrouplist innetgr setnetgrent "
         "getaddrinfo_a"},
        {"locks", Level::blocks, "holds up the thread that the owner needs to go on: use a lock of coir (coir_mutex, coir::Lock), or never hold it over a call that waits",
         "pthread_mutex_lock pthread_mutex_timedlock pthread_mutex_clocklock "
         "pthread_cond_wait pthread_cond_timedwait pthread_cond_clockwait "
         "pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock "
         "pthread_rwlock_clockrdlock pthread_rwlock_clockwrlock pthread_spin_lock pthread_barrier_wait "
         "sem_wait sem_timedwait sem_clockwait pthread_once call_once "
         "mtx_lock mtx_timedlock cnd_wait cnd_timedwait flockfile __cxa_guard_acquire"},
        {"join", Level::blocks, "waits for a thread: to_thread",
         "pthread_join pthread_timedjoin_np pthread_clockjoin_np thrd_join"},
        {"futex", Level::blocks, "may be a futex (std::atomic::wait, std::future), or any other system call that waits: to_thread",
         "syscall"},
        {"proc", Level::blocks, "waits for a process: coir::create_subprocess_exec, or to_thread",
         "system pclose waitpid wait wait3 wait4 waitid"},
        {"popen", Level::remedy, "its stream is read by libc, which blocks: coir::create_subprocess_shell, or to_thread",
         "popen"},
        {"signals", Level::blocks, "waits for a signal: coir::wait_signal, or to_thread",
         "pause sigsuspend sigwait sigwaitinfo sigtimedwait sigpause"},
        {"file-locks", Level::blocks, "waits for another owner of the lock, which may be a task of this thread: try without waiting, or to_thread",
         "flock lockf lockf64"},
        {"fcntl", Level::note, "waits for another owner with F_SETLKW and F_OFD_SETLKW only: to_thread for those",
         "fcntl fcntl64"},
        {"ipc", Level::blocks, "waits for another process: to_thread",
         "msgrcv msgsnd semop semtimedop mq_send mq_receive mq_timedsend mq_timedreceive"},
        {"splice", Level::remedy, "waits when a pipe is empty, or a socket that blocks is full: coir::Stream::send_file, or to_thread",
         "sendfile sendfile64 splice tee vmsplice copy_file_range"},
        {"syslog", Level::remedy, "waits when the log's socket is full: to_thread",
         "syslog vsyslog __syslog_chk __vsyslog_chk"},
        {"stdio", Level::note, "stdio reads inside libc, where nothing is replaced. From files it waits for the disk at most; from pipes, sockets and terminals: COIR_LEGACY=all,stdio, or to_thread",
         "fgets fgetc getc _IO_getc fread fread_unlocked fgets_unlocked getc_unlocked fgetc_unlocked "
         "getline getdelim __getdelim getw fgetwc getwc fgetws "
         "fscanf vfscanf __isoc99_fscanf __isoc99_vfscanf __isoc23_fscanf __isoc23_vfscanf "
         "__fgets_chk __fgets_unlocked_chk __fread_chk __fread_unlocked_chk __fgetws_chk __uflow __underflow getpass"},
        {"stdin", Level::remedy, "standard input is a stream of libc's own, which no word of COIR_LEGACY reaches: read(0, ...), fdopen(dup(0), \"r\") with COIR_LEGACY=all,stdio, or to_thread; std::cin after std::ios::sync_with_stdio(false) waits as a task does",
         "stdin _IO_2_1_stdin_ _ZSt3cin _ZSt4wcin getchar getchar_unlocked gets getwchar getwchar_unlocked "
         "scanf vscanf __isoc99_scanf __isoc99_vscanf __isoc23_scanf __isoc23_vscanf wscanf vwscanf"},
        {"streams", Level::note, "makes a stdio stream of a descriptor; see stdio",
         "fdopen freopen freopen64"},
        {"disk", Level::note, "waits for the disk, as it does without coir: COIR_LEGACY=all,files, coir::File, or to_thread, where that matters",
         "open open64 __open_2 __open64_2 openat openat64 __openat_2 __openat64_2 creat creat64 "
         "fopen fopen64 pread pread64 __pread_chk __pread64_chk preadv preadv64 preadv2 preadv64v2 "
         "pwrite pwrite64 pwritev pwritev64 pwritev2 pwritev64v2 "
         "fsync fdatasync sync syncfs sync_file_range posix_fallocate posix_fallocate64 msync"},
        {"aio", Level::remedy, "waits for the C library's own asynchronous I/O: to_thread",
         "aio_suspend aio_suspend64 lio_listio lio_listio64"},
        {"timers", Level::remedy, "its signal hits whichever task runs, and must not jump out of the handler: use the time limits of calls and sockets (libcurl: CURLOPT_NOSIGNAL)",
         "alarm ualarm setitimer"},
        {"jumps", Level::note, "must not leave a signal handler, nor go into another task's stack",
         "siglongjmp __longjmp_chk longjmp _longjmp"},
        {"contexts", Level::note, "switches stacks by itself: what it runs must not wait in a task of coir",
         "makecontext swapcontext setcontext"},
        {"clone", Level::remedy, "makes threads or processes without libc's knowledge: no task may wait in them", "clone clone3"},
        {"fork", Level::note, "in the child only the calling task goes on; call exec soon", "fork _Fork vfork __vfork"},
        {"keys", Level::note, "values of the thread, which its tasks share", "pthread_getspecific pthread_setspecific tss_get tss_set"},
        {"descriptors", Level::note, "a waiter for the descriptor that is replaced or closed is not woken",
         "close dup2 dup3 close_range closefrom"},
        {"fdelt", Level::note, "FD_SET ends the program for descriptors from 1024 on: keep their number low where it calls select",
         "__fdelt_chk __fdelt_warn"},
        {"dlopen", Level::note, "loads more code, which is not looked at here; with RTLD_DEEPBIND it meets libcoir-legacy only when it is patched (coir::legacy::patch)",
         "dlopen dlmopen"},
        {"threads", Level::note, "its threads stay threads, in which everything blocks as ever",
         "pthread_create thrd_create"},
        {"kill", Level::note, "names a thread, whichever task it runs", "pthread_kill pthread_cancel pthread_exit thrd_exit tgkill"},
    };
    // clang-format on
    return groups;
}

std::vector<std::string_view> symbols_of(const CallGroup& group) {
    std::vector<std::string_view> symbols;
    std::string_view rest = group.symbols;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        symbols.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return symbols;
}

const CallGroup* find_group(std::string_view symbol) {
    static const auto index = [] {
        std::unordered_map<std::string_view, const CallGroup*> by_symbol;
        for (const CallGroup& group : call_groups()) {
            for (const std::string_view name : symbols_of(group)) by_symbol.emplace(name, &group);
        }
        return by_symbol;
    }();
    const auto found = index.find(symbol);
    return found == index.end() ? nullptr : found->second;
}

const CallGroup& group_named(std::string_view name) {
    for (const CallGroup& group : call_groups()) {
        if (group.name == name) return group;
    }
    throw std::logic_error("no such group of calls: " + std::string(name));
}

}  // namespace coir_tool
