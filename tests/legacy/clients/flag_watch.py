# SPDX-License-Identifier: BSL-1.0
"""Looks at the O_NONBLOCK of a process's descriptors from another process, as often as it can."""
import os
import re

# What clients do themselves: a socket is made, made non-blocking, and blocking again once it is
# connected. Whoever sets it again after that, or takes it away for a while, is not the client.
OWN_DOING = re.compile(r"B?N?B?")
# The same after a connect() that has set it for a moment, see docs/legacy.md.
AFTER_CONNECT = re.compile(r"(B?N)?B?N?B?")


class FlagWatch:
    def __init__(self, pid):
        self.folder = f"/proc/{pid}"
        self.histories = {}  # of every socket and pipe: B blocking, N non-blocking
        self.standard = {}  # of stdin, stdout and stderr, which others have too
        self.looks = 0
        self.stopped = False

    def stop(self):
        self.stopped = True

    def until_ended(self):
        while not self.stopped and self.look():
            self.looks += 1

    def look(self):
        try:
            numbers = os.listdir(f"{self.folder}/fd")
        except OSError:
            return False
        for number in numbers:
            self.look_at(number)
        return bool(numbers)

    def look_at(self, number):
        try:
            what = os.readlink(f"{self.folder}/fd/{number}")
            with open(f"{self.folder}/fdinfo/{number}") as file:
                flags = int(re.search(r"^flags:\s*(\d+)", file.read(), re.M).group(1), 8)
            # Another may have the number by now.
            if os.readlink(f"{self.folder}/fd/{number}") != what:
                return
        except (OSError, AttributeError):
            return
        if what.startswith("socket:"):
            self.note(self.histories, what, flags)
        elif number in ("0", "1", "2"):
            self.note(self.standard, number, flags)

    @staticmethod
    def note(histories, key, flags):
        letter = "N" if flags & os.O_NONBLOCK else "B"
        history = histories.get(key, "")
        if not history.endswith(letter):
            histories[key] = history + letter

    def problems(self, never, connect_sets_it):
        """What must not be. `never`: the client has blocking sockets only."""
        if connect_sets_it:
            own_doing = AFTER_CONNECT
        else:
            own_doing = re.compile("B") if never else OWN_DOING
        wrong = {key: history for key, history in self.standard.items() if "N" in history}
        for key, history in self.histories.items():
            if not own_doing.fullmatch(history):
                wrong[key] = history
        return wrong
