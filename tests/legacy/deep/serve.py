# SPDX-License-Identifier: BSL-1.0
# A server with a thread for each connection, natively and with its threads as tasks: the same answers.
#   serve.py SERVER LOAD [--measure CONNECTIONS WORK_MICROSECONDS SECONDS ROUNDS [--pin]]
# as_tasks.sh says what must be in the environment. --measure: requests in a second and CPU time of each, in turns;
# --pin: the server on the first processor, the load on the second.
import os
import resource
import socket
import statistics
import subprocess
import sys

server, load, *rest = sys.argv[1:]
AS_TASKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "as_tasks.sh")
CONNECTIONS, REQUESTS = 300, 5
PIN = "--pin" in rest


def on_processor(number):
    return (lambda: os.sched_setaffinity(0, {number})) if PIN else None


class Server:
    def __init__(self, as_tasks, work=0):
        self.process = subprocess.Popen([AS_TASKS] * as_tasks + [server, str(work)],
                                        preexec_fn=on_processor(0), stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, connection, name):
        connection.sendall(f"GET /{name} HTTP/1.1\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"\n"):
            piece = connection.recv(4096)
            if not piece:
                break
            answer += piece
        return answer

    def quit(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            self.ask(connection, "quit")
        return self.process.communicate(timeout=20)[0], self.process.returncode

    def kernel_threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def converse(as_tasks):
    with Server(as_tasks, work=2000) as running:
        connections = [socket.create_connection(("127.0.0.1", running.port), timeout=20)
                       for _ in range(CONNECTIONS)]
        answers = []
        for turn in range(REQUESTS):
            for number, connection in enumerate(connections):  # all at once
                connection.sendall(f"GET /n{number} HTTP/1.1\r\n\r\n".encode())
            for connection in connections:
                answer = b""
                while not answer.endswith(b"\n") or b"\r\n\r\n" not in answer:
                    answer += connection.recv(4096)
                answers.append(answer)
        threads = running.kernel_threads()
        for connection in connections:
            connection.close()
        return answers, running.quit(), threads


def measure(connections, work, seconds, rounds):
    ratios, cpu_ratios = [], []
    for _ in range(rounds):
        figures = []
        for as_tasks in (False, True):
            with Server(as_tasks, work) as running:
                output = subprocess.run([load, str(running.port), str(connections), str(seconds)],
                                        preexec_fn=on_processor(1), stdout=subprocess.PIPE, check=True, text=True).stdout
                rate = float(output)
                figures.append((rate, running.cpu_seconds() / (rate * seconds) * 1e6))
        (native, native_cpu), (tasks, tasks_cpu) = figures
        ratios.append(tasks / native)
        cpu_ratios.append(native_cpu / tasks_cpu)
        print(f"threads {native:.0f} req/s, {native_cpu:.1f} us CPU each; "
              f"tasks {tasks:.0f} req/s, {tasks_cpu:.1f} us CPU each", flush=True)
    print(f"requests in a second {statistics.median(ratios):.2f} times, "
          f"requests for the same CPU time {statistics.median(cpu_ratios):.2f} times those of threads")


def main():
    status = subprocess.run([AS_TASKS, "--check"]).returncode
    if status != 0:
        return status
    if rest and rest[0] == "--measure":
        measure(int(rest[1]), int(rest[2]), float(rest[3]), int(rest[4]))
        return 0
    native, native_end, native_threads = converse(False)
    tasks, tasks_end, tasks_threads = converse(True)
    if native != tasks or len(native) != CONNECTIONS * REQUESTS:
        wrong = sum(a != b for a, b in zip(native, tasks))
        print(f"failed: {wrong} of {len(native)} and {len(tasks)} answers differ")
        return 1
    if native_end != tasks_end or tasks_end[1] != 0:
        print(f"failed: ended with {native_end} and {tasks_end}")
        return 1
    if native_threads < CONNECTIONS or tasks_threads != 1:
        print(f"failed: {native_threads} and {tasks_threads} kernel threads")
        return 1
    with Server(True) as running:
        subprocess.run([load, str(running.port), str(CONNECTIONS), "1"], check=True,
                       stdout=subprocess.DEVNULL)
    print(f"ok: {len(tasks)} answers are the same; {native_threads} kernel threads and 1")
    return 0


files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(files[1], 8192), files[1]))
sys.exit(main())
