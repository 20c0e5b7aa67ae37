// SPDX-License-Identifier: Apache-2.0
package conformance;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;

/** Scenarios about messages that come again, and about who gets them. */
final class Retrying {
    private Retrying() { }

    /** A message that always fails comes three times, then lies in the group's dead letters as it was sent. */
    static void retryToDeadLetter(Stage s) throws Exception {
        Producer producer = s.producer();
        Mailbag bag = new Mailbag(s);
        AtomicReference<RuntimeException> trouble = new AtomicReference<>();
        s.push(s.scenario.group(), view -> {
            try {
                bag.check(view);
            } catch (RuntimeException e) {
                trouble.set(e);
            }
            return ConsumeResult.FAILURE;
        });
        Message message = s.plain(0);
        String id = bag.send(producer, message).getMessageId().toString();
        MessageView dead = firstDeadLetter(s);
        if (trouble.get() != null) {
            throw trouble.get();
        }
        Stage.check(bag.attempts(id).equals(List.of(1, 2, 3)), "dead-lettered after attempts %s, want [1, 2, 3]", bag.attempts(id));
        Mailbag.body(dead, message);
        Mailbag.labels(dead, message);
        for (Map.Entry<String, String> want : message.getProperties().entrySet()) {
            String got = dead.getProperties().get(want.getKey());
            Stage.check(want.getValue().equals(got), "dead letter has property %s = %s, want %s", want.getKey(), got, want.getValue());
        }
    }

    /** Reads the group's dead letters with another group. The topic may appear only with its first message. */
    private static MessageView firstDeadLetter(Stage s) throws Exception {
        String topic = "%DLQ%" + s.scenario.group();
        SimpleConsumer consumer = null;
        while (consumer == null) {
            try {
                consumer = s.simple(s.scenario.watch(), topic, FilterExpression.SUB_ALL);
            } catch (ClientException | IllegalStateException e) { // the builder throws either when start-up fails
                Stage.check(!s.over(), "deadline passed before the dead-letter topic could be read: %s", e);
                Thread.sleep(1000);
            }
        }
        AtomicReference<MessageView> dead = new AtomicReference<>();
        SimpleConsumer reader = consumer;
        s.untilDone(reader, 16, view -> {
            dead.set(view);
            reader.ack(view);
            return true;
        });
        return dead.get();
    }

    /** Shortened, a message comes again at once; prolonged, it stays away; its newest handle acknowledges it. */
    static void invisibleTimeChange(Stage s) throws Exception {
        Producer producer = s.producer();
        SimpleConsumer consumer = s.simple();
        Mailbag bag = new Mailbag(s);
        bag.send(producer, s.plain(0));
        consumer.changeInvisibleDuration(nextOne(s, consumer, bag, Stage.HOLD, 1), Duration.ofSeconds(1));
        long start = System.currentTimeMillis();
        MessageView view = nextOne(s, consumer, bag, s.shortHold(), 2);
        long took = System.currentTimeMillis() - start;
        Stage.check(took < Stage.HOLD.toMillis() / 2, "shortened to 1 s, came again only after %d ms", took);
        s.note("back after %d ms", took);
        consumer.changeInvisibleDuration(view, Stage.HOLD);
        long prolonged = System.currentTimeMillis();
        while (System.currentTimeMillis() - prolonged < s.run.holdMillis() + 2000) {
            s.nothing(consumer, "its invisible time was prolonged");
        }
        consumer.ack(view);
        s.nothing(consumer, "it was acknowledged");
    }

    /** Waits for the only message there is and wants it as this attempt. */
    private static MessageView nextOne(Stage s, SimpleConsumer consumer, Mailbag bag, Duration held, int attempt) throws Exception {
        while (true) {
            Stage.check(!s.over(), "deadline passed before attempt %d came", attempt);
            for (MessageView view : consumer.receive(1, held)) {
                bag.check(view);
                Stage.check(view.getDeliveryAttempt() == attempt, "came as attempt %d, want %d", view.getDeliveryAttempt(), attempt);
                return view;
            }
        }
    }

    /** Two push consumers of one group share the messages; each message comes once in all. */
    static void sharedGroup(Stage s) throws Exception {
        Producer producer = s.producer();
        Mailbag bag = new Mailbag(s);
        List<Mailbag> shares = List.of(new Mailbag(s), new Mailbag(s));
        AtomicReference<RuntimeException> trouble = new AtomicReference<>();
        for (Mailbag mine : shares) {
            s.push(s.scenario.group(), view -> {
                try {
                    bag.check(view);
                } catch (RuntimeException e) {
                    trouble.set(e);
                }
                mine.saw(view);
                return ConsumeResult.SUCCESS;
            });
        }
        int sent = 0;
        while (sent < 40 || shares.get(0).count() < 3 || shares.get(1).count() < 3) {
            Stage.check(!s.over(), "deadline passed with shares %d and %d of %d", shares.get(0).count(), shares.get(1).count(), sent);
            bag.send(producer, s.plain(sent++));
            Thread.sleep(50);
        }
        s.until("every message came", () -> trouble.get() != null || bag.complete());
        if (trouble.get() != null) {
            throw trouble.get();
        }
        bag.onceEach();
        s.note("%d and %d of %d", shares.get(0).count(), shares.get(1).count(), sent);
    }
}
