# SPDX-License-Identifier: Apache-2.0
"""A load that goes on until it is told to stop. Each thing that it does or sees is a line; the suite judges all of them together."""

import json
import os
import sys
import threading
import time

from stage import HOLD, check

# Seconds between two messages of a producer.
REST = 0.05

PRINTING = threading.Lock()


def told(name):
    return os.path.exists(name)


def millis():
    return int(time.time() * 1000)


def steady(s):
    """Sends and receives until a file named stop is there, and receives until one named end is."""
    fifo = s.name == "steady-fifo"

    def tell(what, n, began, error=None, attempt=0):
        line = json.dumps({"steady": s.run["name"], "scenario": s.name, "what": what, "n": n, "attempt": attempt,
                           "error": f"{type(error).__name__}: {error}" if error else "", "began": began, "ended": millis()})
        with PRINTING:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    producer = s.producer()

    def send():
        n = 0
        while not told("stop") and time.monotonic() < s.deadline:
            message, began, failed = s.letter(n % 256), millis(), None
            message.add_property("n", str(n))
            if fifo:
                message.message_group = "lane"
            try:
                s.surely(lambda: producer.send(message))
            except Exception as error:
                failed = error
            tell("sent", n, began, failed)
            n += 1
            time.sleep(REST)

    def poll():
        consumer = s.simple()
        while not told("end"):
            s.in_time("it was told to end")
            began = millis()
            try:
                got = consumer.receive(8, HOLD)
            except Exception as error:
                tell("polled", 0, began, error)
                time.sleep(REST)
                continue
            for message in got or []:
                n = int(message.properties["n"])
                tell("got", n, began, attempt=message.delivery_attempt)
                for _ in range(3):
                    began = millis()
                    try:
                        consumer.ack(message)
                        break
                    except Exception as error:
                        tell("acked", n, began, error)

    def listen():
        def heard(message):
            tell("got", int(message.properties["n"]), millis(), attempt=message.delivery_attempt)
            return True
        s.push(s.group, heard)
        s.until("it was told to end", lambda: told("end"))

    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    poll() if fifo else listen()
    sending.join(5)
    check(not sending.is_alive(), "a send did not return")
