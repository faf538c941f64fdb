# SPDX-License-Identifier: BSL-1.0
# Threads of Python, each with a connection: `python3 10_python.py`, or, with the threads as tasks of
# one kernel thread, `coir run --legacy --threads-as-tasks -- python3 10_python.py`.
import queue
import socket
import threading
import time

def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()

def answer(connection):
    with connection:
        line = connection.recv(100)
        time.sleep(0.1)
        connection.sendall(line.upper())

def ask(address, number, answers):
    with socket.create_connection(address) as connection:
        connection.sendall(b"number %d" % number)
        answers.put(connection.recv(100))

listener = socket.create_server(("127.0.0.1", 0), backlog=100)
threading.Thread(target=serve, args=(listener,), daemon=True).start()
answers = queue.Queue()
threads = [threading.Thread(target=ask, args=(listener.getsockname(), number, answers))
           for number in range(50)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(set(answers.queue)), "answers, such as", min(answers.queue).decode())
