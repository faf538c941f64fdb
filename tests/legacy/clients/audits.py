# SPDX-License-Identifier: BSL-1.0
"""Runs of a client that look at something else than results and times, which they may change."""
import re
import subprocess
import threading

from flag_watch import FlagWatch

WORDS = ["io", "sleep", "dns", "locks", "keys", "proc"]
# A task that called 64 times without waiting lets others have a turn, whatever it holds.
OWN_TURN = "for its turn"
HELD = re.compile(r"is suspended \((.*)\) and holds the lock")


class Audits:
    def __init__(self, runner, serial):
        self.runner = runner
        self.options = runner.options
        self.serial = serial

    def run_all(self):
        # To descriptors and locks poll is as epoll.
        for reactor in ["epoll"] if self.options.brief else ["epoll", "io_uring"]:
            self.watched(reactor)
        if self.options.fails_without:
            self.fails_without(self.options.fails_without)

    def watched(self, reactor):
        """No task is suspended with a lock of libc held, but for what is known to be; and no
        descriptor has its O_NONBLOCK changed, as another process sees it."""
        runner = self.runner
        process = runner.start("tasks", runner.linked, reactor, {"COIR_DEBUG": "locks"},
                               stderr=subprocess.PIPE)
        watch = FlagWatch(process.pid)
        watcher = threading.Thread(target=watch.until_ended)
        watcher.start()
        try:
            figures, errors = runner.finish(process, runner.linked)
        finally:
            watch.stop()
            watcher.join()
        runner.check_results(figures, self.serial)
        held = set(HELD.findall(errors))
        turns = OWN_TURN in held
        held = sorted(held - {OWN_TURN})
        if self.options.holds_locks:
            runner.expect(held == [self.options.holds_locks], f"locks held {held}", figures)
        else:
            runner.expect(not held, f"suspended with a lock held {held}", figures)
        wrong = watch.problems(never=self.options.blocking, connect_sets_it=reactor != "io_uring")
        runner.expect(not wrong, f"O_NONBLOCK {wrong}", figures)
        runner.note({"test": self.options.name, "mode": "watched", "reactor": reactor,
                     "locks_held": held, "locks_held_for_a_turn": turns, "looks": watch.looks, "sockets": len(watch.histories)})

    def fails_without(self, word):
        """That the probe sees what it is for."""
        runner = self.runner
        words = ",".join(each for each in WORDS if each != word)
        process = runner.start("tasks", runner.linked, "epoll", {"COIR_LEGACY": words},
                               stderr=subprocess.DEVNULL)
        figures, _ = runner.finish(process, runner.linked)
        runner.expect(figures["failures"] > 0, f"succeeds without {word}", figures)
        runner.note({"test": self.options.name, "mode": "without " + word,
                     "failures": figures["failures"]})
