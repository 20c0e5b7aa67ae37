# SPDX-License-Identifier: Apache-2.0
"""Scenarios about messages that come again, and about who gets them."""

import time

from stage import HOLD, Mailbag, check


def retry_to_dead_letter(s):
    """A message that always fails comes three times, then lies in the group's dead letters as it was sent."""
    producer, bag = s.producer(), Mailbag(s)

    def listen(message):
        bag.checked(message)
        return False

    s.push(s.group, listen)
    message = s.letter(0)
    sent = bag.send(producer, message).message_id
    dead = first_dead_letter(s)
    bag.untroubled()
    check(bag.attempts(sent) == [1, 2, 3], f"dead-lettered after attempts {bag.attempts(sent)}, want [1, 2, 3]")
    for name in ("body", "tag", "keys"):
        check(getattr(dead, name) == getattr(message, name), f"dead letter has {name} {getattr(dead, name)!r}")
    missing = {k: v for k, v in message.properties.items() if dead.properties.get(k) != v}
    check(not missing, f"dead letter lacks properties {missing}, has {dead.properties}")


def first_dead_letter(s):
    """Reads the group's dead letters with another group. The topic may appear only with its first message; until then this
    client starts all the same, and each receive raises."""
    consumer = s.simple(s.watch, "%DLQ%" + s.group)
    trouble = "no dead letter came"
    while True:
        s.in_time(f"the dead letter came: {trouble}")
        try:
            for message in consumer.receive(16, HOLD):
                consumer.ack(message)
                return message
        except Exception as error:
            trouble = error
            time.sleep(1)


def invisible_time_change(s):
    """Shortened, a message comes again at once; prolonged, it stays away; its newest handle acknowledges it."""
    producer, consumer, bag = s.producer(), s.simple(), Mailbag(s)
    bag.send(producer, s.letter(0))
    consumer.change_invisible_duration(next_one(s, consumer, bag, HOLD, 1), 1)
    start = time.monotonic()
    message = next_one(s, consumer, bag, s.short_hold, 2)
    took = time.monotonic() - start
    check(took < HOLD / 2, f"shortened to 1 s, came again only after {took} s")
    s.notes.append(f"back after {int(took * 1000)} ms")
    consumer.change_invisible_duration(message, HOLD)
    prolonged = time.monotonic()
    while time.monotonic() - prolonged < s.short_hold + 2:
        s.nothing(consumer, "its invisible time was prolonged")
    consumer.ack(message)
    s.nothing(consumer, "it was acknowledged")


def next_one(s, consumer, bag, held, attempt):
    """Waits for the only message there is and wants it as this attempt."""
    while True:
        s.in_time(f"attempt {attempt} came")
        for message in consumer.receive(1, held):
            bag.check(message)
            check(message.delivery_attempt == attempt, f"came as attempt {message.delivery_attempt}, want {attempt}")
            return message


def shared_group(s):
    """Two push consumers of one group share the messages; each message comes once in all."""
    producer, bag, shares = s.producer(), Mailbag(s), (Mailbag(s), Mailbag(s))

    def listener(mine):
        def listen(message):
            bag.checked(message)
            mine.saw(message)
            return True
        return listen

    for mine in shares:
        s.push(s.group, listener(mine))
    sent = 0
    while sent < 40 or any(len(mine.seen) < 3 for mine in shares):
        s.in_time(f"both consumers had a share: {[len(mine.seen) for mine in shares]} of {sent}")
        bag.send(producer, s.letter(sent % 256))
        sent += 1
        time.sleep(0.05)
    s.until("every message came", lambda: bag.trouble or bag.complete())
    bag.once_each()
    s.notes.append(f"{len(shares[0].seen)} and {len(shares[1].seen)} of {sent}")
