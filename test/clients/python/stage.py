# SPDX-License-Identifier: Apache-2.0
"""One scenario under way: where it talks to, what it opened, what it sent and saw, what it noted for the report."""

import threading
import time

from rocketmq import (ClientConfiguration, ConsumeResult, Credentials, FilterExpression, Message, MessageListener,
                      Producer, PushConsumer, SimpleConsumer)

# Seconds that a received message stays with its consumer unless a scenario is about that time.
HOLD = 30
# Seconds that a call may take on a machine that starves its client, so that no scenario is about the machine.
PATIENCE = 20


def check(holds, text):
    """Fails the scenario with a text that says what was wrong."""
    if not holds:
        raise AssertionError(text)


class Listener(MessageListener):
    """Turns a function that says whether consumption succeeded into a listener."""

    def __init__(self, listen):
        self.listen = listen

    def consume(self, message):
        return ConsumeResult.SUCCESS if self.listen(message) else ConsumeResult.FAILURE


class Stage:
    def __init__(self, run, scenario):
        self.run, self.name, self.topic = run, scenario["name"], scenario["topic"]
        self.group, self.watch = scenario["group"], scenario["watch"]
        self.seconds = scenario["millis"] / 1000
        self.await_seconds = max(1, run["awaitMillis"] // 1000)
        self.short_hold = max(1, run["holdMillis"] // 1000)
        self.deadline = time.monotonic() + self.seconds
        self.notes, self.opened = [], []

    def config(self):
        timeout = 3 if self.name.startswith("steady") else PATIENCE  # a steady load is one of clients as they are
        return ClientConfiguration(self.run["endpoint"], Credentials(self.run["accessKey"], self.run["secretKey"]), request_timeout=timeout)

    def start(self, make):
        client = self.surely(lambda: started(make()))
        self.opened.append(client)
        return client

    def surely(self, call):
        """Makes a call once more that failed for want of a route. The client registers for a route's answer after it asked: an answer that
        is faster is handled in the caller's thread, where its gRPC library finds no event loop."""
        try:
            return call()
        except Exception as error:
            if "failed to fetch topic" not in str(error):
                raise
            self.notes.append("the client missed a route's answer once")
            return call()

    def producer(self, checker=None):
        """A producer announces its topic only where transactions need it."""
        topics = (self.topic,) if checker else None
        return self.start(lambda: Producer(self.config(), topics, checker=checker, tls_enable=self.run["tls"]))

    def simple(self, group=None, topic=None, expression=None):
        subscription = {topic or self.topic: expression or FilterExpression()}
        return self.start(lambda: SimpleConsumer(self.config(), group or self.group, subscription, self.await_seconds,
                                                 tls_enable=self.run["tls"]))

    def push(self, group, listen):
        return self.start(lambda: PushConsumer(self.config(), group, Listener(listen), {self.topic: FilterExpression()},
                                               tls_enable=self.run["tls"]))

    def close(self):
        for client in self.opened:
            client.shutdown()

    def in_time(self, what):
        check(time.monotonic() < self.deadline, f"deadline passed before {what}")

    def letter(self, n, tag=None, padding=0):
        """Message number n of a scenario: a body that is no text, two keys, a tag and two properties."""
        message = Message()
        message.topic = self.topic
        message.body = f"{self.run['name']} {self.name} {n}\n".encode() + bytes([0, 255, 254, n]) + bytes(padding)
        message.tag = tag or f"tag{n % 3}"
        message.keys = f"key-{n}"  # this setter adds one key at a time
        message.keys = "shared"
        message.add_property("n", str(n))
        message.add_property("note", "grüße ✓ 日本")
        return message

    def until_done(self, consumer, most, take):
        """Polls and hands each delivery to take, until take says that it has all or the deadline passes."""
        done = False
        while not done:
            self.in_time("all messages came")
            for message in consumer.receive(most, HOLD):
                done = take(message) or done

    def drain(self, consumer, bag, most=16):
        """Receives, checks and acknowledges until everything in the bag has come."""
        def take(message):
            bag.check(message)
            consumer.ack(message)
            return bag.complete()
        self.until_done(consumer, most, take)

    def nothing(self, consumer, why):
        """Polls once and wants it empty."""
        got = consumer.receive(16, HOLD)
        check(not got, f"{why}, yet this came: {[(m.message_id, m.delivery_attempt) for m in got]}")

    def until(self, what, ready):
        while not ready():
            self.in_time(what)
            time.sleep(0.02)


def started(client):
    client.startup()
    return client


class Mailbag:
    """Remembers what was sent under which id, and which deliveries of it were seen. Safe for use by several threads."""

    def __init__(self, stage):
        self.stage = stage
        self.loose, self.lock = stage.run["loose"], threading.RLock()
        self.sent, self.seen, self.trouble = {}, {}, None

    def send(self, producer, message, transaction=None):
        """Sends while holding the bag, so that no delivery is checked before its id is known."""
        with self.lock:
            receipt = self.stage.surely(lambda: producer.send(message, transaction))
            check(receipt.message_id, "the receipt has no message id")
            self.sent[receipt.message_id] = message
            return receipt

    def check(self, message):
        """Compares a delivery with what was sent under its id and counts it."""
        with self.lock:
            check(message.message_id in self.sent, f"message {message.message_id} was never sent")
            self.saw(message)
            same(message, self.sent[message.message_id], self.loose)

    def checked(self, message):
        """The same for a listener, whose exceptions the client would swallow."""
        try:
            self.check(message)
        except AssertionError as error:
            self.trouble = error

    def saw(self, message):
        with self.lock:
            self.seen.setdefault(message.message_id, []).append(message.delivery_attempt)

    def complete(self):
        with self.lock:
            return len(self.seen) == len(self.sent)

    def attempts(self, message_id):
        with self.lock:
            return list(self.seen.get(message_id, []))

    def once_each(self):
        """Holds when every message that was sent came exactly once, as attempt 1."""
        self.untroubled()
        for message_id in self.sent:
            check(self.seen.get(message_id) == [1], f"{message_id} came with attempts {self.seen.get(message_id)}, want [1]")

    def untroubled(self):
        if self.trouble:
            raise self.trouble


def same(got, want, loose):
    """Compares all that a sender may set. A loose target may add properties of its own."""
    check(got.body == want.body, f"body of {got.message_id}: {len(got.body)} bytes, want {len(want.body)}, or other bytes")
    check(not got.corrupted, "the client found the digest wrong")
    properties = {k: v for k, v in got.properties.items() if not loose or k in want.properties}
    check(properties == want.properties, f"properties {properties}, want {want.properties}")
    for name in ("topic", "tag", "keys", "message_group"):
        check(getattr(got, name) == getattr(want, name), f"{name} {getattr(got, name)}, want {getattr(want, name)}")
    check(abs(time.time() * 1000 - got.born_timestamp) < 600_000, f"born timestamp {got.born_timestamp} is not of this run")
