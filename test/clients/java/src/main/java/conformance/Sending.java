// SPDX-License-Identifier: Apache-2.0
package conformance;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;
import org.apache.rocketmq.client.apis.producer.Transaction;
import org.apache.rocketmq.client.apis.producer.TransactionResolution;

/** Scenarios about what a producer may ask for. */
final class Sending {
    private Sending() { }

    /** Bodies, tags, keys and properties arrive as they were sent, the largest one being 256 KiB. */
    static void normal(Stage s) throws Exception {
        Producer producer = s.producer();
        SimpleConsumer consumer = s.simple();
        Mailbag bag = new Mailbag(s);
        for (int n = 0; n < 12; n++) {
            bag.send(producer, n == 11 ? s.letter(n, "tag2", 256 << 10).build() : s.plain(n));
        }
        s.drain(consumer, bag, 16);
        bag.onceEach();
    }

    /** A message stays away until its time. */
    static void delay(Stage s) throws Exception {
        Producer producer = s.producer();
        SimpleConsumer consumer = s.simple();
        Mailbag bag = new Mailbag(s);
        long due = System.currentTimeMillis() + 4000;
        bag.send(producer, s.letter(0).setDeliveryTimestamp(due).build());
        s.untilDone(consumer, 16, view -> {
            long late = System.currentTimeMillis() - due;
            Stage.check(late >= -s.run.earlyMillis(), "came %d ms before its time", -late);
            Stage.check(view.getDeliveryTimestamp().equals(Optional.of(due)), "delivery timestamp %s, want %d",
                view.getDeliveryTimestamp(), due);
            bag.check(view);
            consumer.ack(view);
            s.note("%d ms after its time", late);
            return true;
        });
    }

    /** A recalled message never comes, one that was due after it does. */
    static void recall(Stage s) throws Exception {
        Producer producer = s.producer();
        SimpleConsumer consumer = s.simple();
        Mailbag bag = new Mailbag(s);
        long start = System.currentTimeMillis();
        SendReceipt gone = producer.send(s.letter(0).setDeliveryTimestamp(start + 20000).build());
        Stage.check(gone.getRecallHandle() != null && !gone.getRecallHandle().isEmpty(),
            "the receipt of a delayed message has no recall handle");
        bag.send(producer, s.letter(1).setDeliveryTimestamp(start + 22000).build());
        String id = producer.recallMessage(s.scenario.topic(), gone.getRecallHandle()).getMessageId().toString();
        Stage.check(id.equals(gone.getMessageId().toString()), "recall answered id %s, want %s", id, gone.getMessageId());
        s.drain(consumer, bag, 16);
        s.nothing(consumer, "all that was left has come");
    }

    /** Sends a message under a transaction that is still open. */
    private static Transaction half(Stage s, Producer producer, Mailbag bag, int n) throws Exception {
        Transaction transaction = producer.beginTransaction();
        Message message = s.plain(n);
        bag.sent(producer.send(message, transaction).getMessageId().toString(), message);
        return transaction;
    }

    static void transactionCommit(Stage s) throws Exception {
        Producer producer = s.transactional(view -> TransactionResolution.UNKNOWN);
        SimpleConsumer consumer = s.simple();
        Mailbag bag = new Mailbag(s);
        Transaction transaction = half(s, producer, bag, 0);
        s.nothing(consumer, "the transaction is open");
        transaction.commit();
        s.drain(consumer, bag, 16);
    }

    /** The rolled back message never comes, one that was committed after it does. */
    static void transactionRollback(Stage s) throws Exception {
        Producer producer = s.transactional(view -> TransactionResolution.UNKNOWN);
        SimpleConsumer consumer = s.simple();
        half(s, producer, new Mailbag(s), 0).rollback();
        Mailbag bag = new Mailbag(s);
        half(s, producer, bag, 1).commit();
        s.drain(consumer, bag, 16);
        s.nothing(consumer, "the other transaction was rolled back");
    }

    /** Nobody ends the transaction, so the server asks, and the checker's answer counts. */
    static void transactionCheckback(Stage s) throws Exception {
        Mailbag bag = new Mailbag(s);
        AtomicInteger asked = new AtomicInteger();
        AtomicReference<RuntimeException> wrong = new AtomicReference<>();
        Message message = s.plain(0);
        Producer producer = s.transactional(view -> {
            asked.incrementAndGet();
            try {
                bag.same(view, message);
            } catch (RuntimeException e) {
                wrong.set(e);
            }
            return TransactionResolution.COMMIT;
        });
        SimpleConsumer consumer = s.simple();
        long start = System.currentTimeMillis();
        bag.sent(producer.send(message, producer.beginTransaction()).getMessageId().toString(), message);
        s.drain(consumer, bag, 16);
        Stage.check(asked.get() > 0, "the message came though the checker was never asked");
        if (wrong.get() != null) {
            throw wrong.get();
        }
        s.note("asked %d times, delivered after %d ms", asked.get(), System.currentTimeMillis() - start);
    }

    /** A known key with another secret is turned away by name. */
    static void wrongSecret(Stage s) throws Exception {
        try {
            s.producerWithWrongSecret().send(s.plain(0));
        } catch (Exception e) {
            for (Throwable t = e; t != null; t = t.getCause()) {
                if (t.toString().contains("Unauthorized") || t.toString().contains("40100")) {
                    return;
                }
            }
            throw new IllegalStateException("refused, but not as unauthorized: " + e, e);
        }
        throw new IllegalStateException("a message signed with a wrong secret was accepted");
    }
}
