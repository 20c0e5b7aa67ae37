# SPDX-License-Identifier: Apache-2.0
"""Scenarios about what a producer may ask for."""

import os
import time

from rocketmq import TransactionChecker, TransactionResolution
from stage import Mailbag, check, same


def normal(s):
    """Bodies, tags, keys and properties arrive as they were sent, the largest one being 256 KiB."""
    producer, consumer, bag = s.producer(), s.simple(), Mailbag(s)
    for n in range(12):
        bag.send(producer, s.letter(n, padding=256 << 10 if n == 11 else 0))
    s.drain(consumer, bag)
    bag.once_each()


def delay(s):
    """A message stays away until its time. This client knows whole seconds only."""
    producer, consumer, bag = s.producer(), s.simple(), Mailbag(s)
    message, due = s.letter(0), int(time.time()) + 4
    message.delivery_timestamp = due
    bag.send(producer, message)

    def take(got):
        late = int((time.time() - due) * 1000)
        check(late >= -s.run["earlyMillis"], f"came {-late} ms before its time")
        check(got.delivery_timestamp == due * 1000, f"delivery timestamp {got.delivery_timestamp}, want {due * 1000}")
        bag.check(got)
        consumer.ack(got)
        s.notes.append(f"{late} ms after its time")
        return True

    s.until_done(consumer, 16, take)


def recall(s):
    """A recalled message never comes, one that was due after it does."""
    producer, consumer, bag, now = s.producer(), s.simple(), Mailbag(s), int(time.time())
    gone, stays = s.letter(0), s.letter(1)
    gone.delivery_timestamp, stays.delivery_timestamp = now + 20, now + 22
    receipt = s.surely(lambda: producer.send(gone))
    check(receipt.recall_handle, "the receipt of a delayed message has no recall handle")
    bag.send(producer, stays)
    answered = producer.recall_message(s.topic, receipt.recall_handle)
    check(answered == receipt.message_id, f"recall answered id {answered}, want {receipt.message_id}")
    s.drain(consumer, bag)
    s.nothing(consumer, "all that was left has come")


class Checker(TransactionChecker):
    """Gives one answer to whatever it is asked and remembers the question."""

    def __init__(self, answer=TransactionResolution.TRANSACTION_RESOLUTION_UNSPECIFIED):
        self.asked, self.answer = [], answer

    def check(self, message):
        self.asked.append(message)
        return self.answer


def half(s, producer, bag, n):
    """Sends a message under a transaction that is still open."""
    transaction = producer.begin_transaction()
    bag.send(producer, s.letter(n), transaction)
    return transaction


def transaction_commit(s):
    producer, consumer, bag = s.producer(Checker()), s.simple(), Mailbag(s)
    transaction = half(s, producer, bag, 0)
    s.nothing(consumer, "the transaction is open")
    transaction.commit()
    s.drain(consumer, bag)


def transaction_rollback(s):
    """The rolled back message never comes, one that was committed after it does."""
    producer, consumer, bag = s.producer(Checker()), s.simple(), Mailbag(s)
    half(s, producer, Mailbag(s), 0).rollback()
    half(s, producer, bag, 1).commit()
    s.drain(consumer, bag)
    s.nothing(consumer, "the other transaction was rolled back")


def transaction_checkback(s):
    """Nobody ends the transaction, so the server asks, and the checker's answer counts."""
    checker = Checker(TransactionResolution.COMMIT)
    producer, consumer, bag = s.producer(checker), s.simple(), Mailbag(s)
    start = time.monotonic()
    half(s, producer, bag, 0)
    s.drain(consumer, bag)
    check(checker.asked, "the message came though the checker was never asked")
    for message in checker.asked:
        same(message, bag.sent[message.message_id], bag.loose)
    s.notes.append(f"asked {len(checker.asked)} times, delivered after {int((time.monotonic() - start) * 1000)} ms")


def wrong_secret(s):
    """A known key with another secret is turned away by name. This client tells its application only that it has no route;
    the code stands in its log."""
    s.run = dict(s.run, secretKey=s.run["secretKey"] + "x")
    try:
        s.producer().send(s.letter(0))
    except Exception as error:
        with open(os.path.expanduser("~/logs/rocketmq_python/rocketmq_client.log"), encoding="utf-8") as log:
            logged = any("40100" in line for line in log)
        check(logged or "40100" in str(error), f"refused, but not as unauthorized: {type(error).__name__}: {error}")
        return
    check(False, "a message signed with a wrong secret was accepted")
