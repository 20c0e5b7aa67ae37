# SPDX-License-Identifier: Apache-2.0
"""Scenarios about how messages are received."""

import threading
import time

from rocketmq import FilterExpression
from rocketmq.grpc_protocol import FilterType
from stage import HOLD, PATIENCE, Mailbag, check

GROUPS, DEPTH = 3, 5


class Order:
    """Holds the next number that each message group has to deliver."""

    def __init__(self):
        self.next, self.left, self.lock = {}, GROUPS * DEPTH, threading.Lock()

    def settled(self, message):
        """Takes one delivery that is done with and says whether it was the last."""
        with self.lock:
            group, got = message.message_group, int(message.properties["seq"])
            want = self.next.get(group, 0)
            check(got == want, f"group {group} delivered number {got}, want {want}")
            self.next[group] = want + 1
            self.left -= 1
            return self.left == 0


def fifo(s):
    """Each message group keeps its order; a message that failed comes again before any later one of its group. A push
    consumer of a second group then reads everything without failures."""
    producer, consumer, bag = s.producer(), s.simple(), Mailbag(s)
    for seq in range(DEPTH):
        for group in range(GROUPS):
            message = s.letter(seq * GROUPS + group)
            message.message_group = f"group-{group}"
            message.add_property("seq", str(seq))
            bag.send(producer, message)
    fifo_simple(s, consumer, bag)
    order, done = Order(), []

    def listen(message):
        bag.checked(message)
        try:
            if order.settled(message):
                done.append(None)
        except AssertionError as error:
            done.append(error)
        return True

    s.push(s.watch, listen)
    s.until("the push consumer had all ordered messages", lambda: done)
    if done[0]:
        raise done[0]
    bag.untroubled()


def fifo_simple(s, consumer, bag):
    """Reads one at a time until the failed message has come again, then in batches."""
    order, failed, most, last = Order(), None, 1, False
    while not last:
        s.in_time("all ordered messages came")
        for message in consumer.receive(most, HOLD):
            bag.check(message)
            if failed is None:
                failed = message.message_id
                consumer.change_invisible_duration(message, 1)
                continue
            if message.message_id == failed:
                check(message.delivery_attempt == 2, f"the failed message came as attempt {message.delivery_attempt}, want 2")
                most = 16
            last = order.settled(message)
            consumer.ack(message)


def simple_consumer(s):
    """An empty poll ends in time, a parked poll is woken by a send, a batch is no larger than asked, acknowledged is gone."""
    producer, consumer, bag = s.producer(), s.simple(), Mailbag(s)
    start = time.monotonic()
    s.nothing(consumer, "the topic is empty")
    took = time.monotonic() - start
    check(took < s.await_seconds + PATIENCE, f"an empty poll took {took} s, asked were {s.await_seconds}")
    parked = consumer.receive_async(3, HOLD)
    time.sleep(s.await_seconds / 4)
    start = time.monotonic()
    bag.send(producer, s.letter(0))
    woken = parked.result(s.await_seconds + PATIENCE)
    s.notes.append(f"parked poll answered {int((time.monotonic() - start) * 1000)} ms after the send began")
    check(len(woken) == 1, f"a parked poll got {len(woken)} messages, want the one that was sent meanwhile")
    bag.check(woken[0])
    consumer.ack(woken[0])
    for n in range(1, 11):
        bag.send(producer, s.letter(n))
    while not bag.complete():
        s.in_time("all messages came")
        got = consumer.receive(3, HOLD)
        check(len(got) <= 3, f"asked for 3 messages, got {len(got)}")
        for message in got:
            bag.check(message)
            consumer.ack(message)
    bag.once_each()
    s.nothing(consumer, "everything was acknowledged")


def push_consumer(s):
    """Everything comes once, but for one message that failed and comes again; then nothing is left."""
    producer, bag = s.producer(), Mailbag(s)

    def listen(message):
        bag.checked(message)
        return not (message.properties.get("n") == "5" and message.delivery_attempt == 1)

    s.push(s.group, listen)
    ids = [bag.send(producer, s.letter(n)).message_id for n in range(24)]
    s.until("all messages and the failed one's second attempt came",
            lambda: bag.trouble or bag.complete() and len(bag.attempts(ids[5])) >= 2)
    bag.untroubled()
    s.nothing(s.simple(), "the push consumer took everything")
    check(bag.attempts(ids[5]) == [1, 2], f"the failed message came as attempts {bag.attempts(ids[5])}, want [1, 2]")


def tag_filter(s):
    def shape(n):
        tag = ("red", "green", "blue")[n % 3]
        return s.letter(n, tag), tag != "green"
    filtered(s, FilterExpression("red || blue"), shape)


def sql_filter(s):
    def shape(n):
        message, region = s.letter(n), ("north", "south", "east")[n % 3]
        message.add_property("price", str(n))
        message.add_property("region", region)
        return message, n > 5 and region != "south"
    where = "price > 5 AND region IN ('north', 'east') AND note IS NOT NULL"
    filtered(s, FilterExpression(where, FilterType.SQL), shape)


def filtered(s, expression, shape):
    """Sends twelve messages and wants exactly those that match; the last one sent matches."""
    producer, consumer = s.producer(), s.simple(expression=expression)
    matching, other = Mailbag(s), Mailbag(s)
    for n in range(12):
        message, matches = shape(n)
        (matching if matches else other).send(producer, message)
    s.drain(consumer, matching)
    s.nothing(consumer, "all matching messages have come")
