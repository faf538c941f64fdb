// SPDX-License-Identifier: BSL-1.0
// vsyslog, __vsyslog_chk in a task: the text is made here, where errno (%m) and the arguments are, and
// sent by a thread, for the logger may be slow and libc holds a lock meanwhile.
#include "real.hpp"

#include "../calls/in_task.hpp"

#include <cerrno>
#include <cstdlib>

namespace coir::inline v0::detail::calls {

namespace real = coir_legacy::real;

namespace {

struct Message {
    int priority;
    const char* text;

    // To vsyslog(), which takes its arguments as a list.
    void send(const char* format, ...) const {
        va_list arguments;
        va_start(arguments, format);
        real::vsyslog(priority, format, arguments);
        va_end(arguments);
    }
    static void run(void* argument) {
        const Message& self = *static_cast<Message*>(argument);
        self.send("%s", self.text);
    }
};

// Says nothing about its fate, as syslog() does: a message of a task that is being cancelled, or
// that no thread takes, is sent from here.
void send(Scheduler& loop, int priority, const char* text) {
    Message message{priority, text};
    const Woken woken =
        hooks::run_job(loop, hooks::Lane::pool, &Message::run, &message, "syslog");
    if (woken != Woken::event) Message::run(&message);
}

template <class Format>
void log(Scheduler& loop, int priority, Format&& format) {
    const int saved = errno;
    char room[1024];
    const int size = format(room, sizeof room);
    char* text = room;
    if (size >= static_cast<int>(sizeof room)) {
        text = static_cast<char*>(std::malloc(static_cast<std::size_t>(size) + 1));
        errno = saved;  // of %m
        if (text) format(text, static_cast<std::size_t>(size) + 1);
    }
    if (size >= 0) send(loop, priority, text ? text : room);
    if (text != room) std::free(text);
    errno = saved;
}

}  // namespace

namespace in_task {

void vsyslog(Scheduler& loop, int priority, const char* format, va_list arguments) {
    log(loop, priority, [&](char* text, std::size_t size) {
        va_list copy;
        va_copy(copy, arguments);
        const int length = std::vsnprintf(text, size, format, copy);
        va_end(copy);
        return length;
    });
}

void __vsyslog_chk(Scheduler& loop, int priority, int check, const char* format,
                   va_list arguments) {
    log(loop, priority, [&](char* text, std::size_t size) {
        va_list copy;
        va_copy(copy, arguments);
        const int length = __builtin___vsnprintf_chk(text, size, check, size, format, copy);
        va_end(copy);
        return length;
    });
}

}  // namespace in_task
}  // namespace coir::inline v0::detail::calls
