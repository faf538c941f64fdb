# SPDX-License-Identifier: BSL-1.0
# CPython's threading with 400 threads: locks, queues, conditions, sleeps, thread-locals, joins with time
# limits, and sockets to a server of its own. It prints what it sees.
import queue
import socket
import threading
import time

COUNT = 400
lock = threading.Lock()
reentrant = threading.RLock()
local = threading.local()
seen = []
answers = queue.Queue()
tasks = queue.Queue(maxsize=16)


def work(number):
    local.number = number
    time.sleep(0.01)
    with lock:
        seen.append(number)
    with reentrant, reentrant:
        answers.put((local.number, threading.current_thread().name))


def run(target, count=COUNT):
    threads = [threading.Thread(target=target, args=(i,), name=f"worker-{i}") for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return sum(thread.is_alive() for thread in threads)


print("alive:", run(work))
print("seen:", sorted(seen) == list(range(COUNT)))
got = sorted(answers.get_nowait() for _ in range(COUNT))
print("own:", got == [(i, f"worker-{i}") for i in range(COUNT)])
print("left:", hasattr(local, "number"))


def serve(connection):
    with connection:
        for line in connection.makefile("rb"):
            connection.sendall(line.upper())


def accept(listener, count):
    for _ in range(count):
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


replies = []


def ask(number):
    with socket.create_connection(listener.getsockname(), timeout=20) as connection:
        for turn in range(3):
            connection.sendall(b"line %d of %d\n" % (turn, number))
            reply = b""
            while not reply.endswith(b"\n"):
                reply += connection.recv(100)
            with lock:
                replies.append((number, turn, reply == b"LINE %d OF %d\n" % (turn, number)))


listener = socket.create_server(("127.0.0.1", 0), backlog=512)
acceptor = threading.Thread(target=accept, args=(listener, COUNT))
acceptor.start()
print("clients alive:", run(ask))
acceptor.join()
listener.close()
print("replies:", len(replies), all(right for _, _, right in replies))


def produce():
    for number in range(1000):
        tasks.put(number)
    for _ in range(8):
        tasks.put(None)


total = []


def consume(_):
    while (number := tasks.get()) is not None:
        with lock:
            total.append(number)
        if number % 100 == 0:
            time.sleep(0.001)


producer = threading.Thread(target=produce)
producer.start()
print("consumers alive:", run(consume, 8))
producer.join()
print("sum:", sum(total))

event = threading.Event()
waiter = threading.Thread(target=event.wait)
waiter.start()
waiter.join(0.05)
print("still waits:", waiter.is_alive())
event.set()
waiter.join()
print("waits no more:", not waiter.is_alive())

condition = threading.Condition()
turn = 0
order = []


def take_turn(number):
    global turn
    with condition:
        condition.wait_for(lambda: turn == number, timeout=20)
        order.append(number)
        turn += 1
        condition.notify_all()


print("turns alive:", run(take_turn, 50), order == list(range(50)))
barrier = threading.Barrier(20)
print("barrier:", run(lambda _: barrier.wait(20), 20))


def fail(_):
    raise SystemExit


print("exits:", run(fail, 5))
timer = threading.Timer(0.02, event.clear)
timer.start()
timer.join()
print("timer:", not event.is_set())
