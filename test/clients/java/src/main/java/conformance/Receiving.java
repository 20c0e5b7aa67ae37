// SPDX-License-Identifier: Apache-2.0
package conformance;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.FilterExpressionType;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;

/** Scenarios about how messages are received. */
final class Receiving {
    private static final int GROUPS = 3;
    private static final int DEPTH = 5;

    private Receiving() { }

    /** Holds the next number that each message group has to deliver. */
    private static final class Order {
        private final Map<String, Integer> next = new HashMap<>();
        private int left = GROUPS * DEPTH;

        /** Takes one delivery that is done with and says whether it was the last. */
        synchronized boolean settled(MessageView view) {
            String group = view.getMessageGroup().orElse("");
            int want = next.merge(group, 1, Integer::sum) - 1;
            String got = view.getProperties().get("seq");
            Stage.check(String.valueOf(want).equals(got), "group %s delivered number %s, want %d", group, got, want);
            return --left == 0;
        }
    }

    /**
     * Each message group keeps its order; a message that failed comes again before any later one of its group: once with a
     * simple consumer, once with a push consumer of a second group, whose failed message this client tries again itself.
     */
    static void fifo(Stage s) throws Exception {
        Producer producer = s.producer();
        SimpleConsumer consumer = s.simple();
        Mailbag bag = new Mailbag(s);
        for (int seq = 0; seq < DEPTH; seq++) {
            for (int group = 0; group < GROUPS; group++) {
                bag.send(producer, s.letter(seq * GROUPS + group).setMessageGroup("group-" + group)
                    .addProperty("seq", String.valueOf(seq)).build());
            }
        }
        fifoSimple(s, consumer, bag);
        fifoPush(s, bag);
    }

    /** Reads one at a time until the failed message has come again, then in batches. */
    private static void fifoSimple(Stage s, SimpleConsumer consumer, Mailbag bag) throws Exception {
        Order order = new Order();
        String failed = null;
        int most = 1;
        boolean last = false;
        while (!last) {
            Stage.check(!s.over(), "deadline passed while ordered messages were still missing");
            for (MessageView view : consumer.receive(most, Stage.HOLD)) {
                bag.check(view);
                String id = view.getMessageId().toString();
                if (failed == null) {
                    failed = id;
                    consumer.changeInvisibleDuration(view, Duration.ofSeconds(1));
                    continue;
                }
                if (id.equals(failed)) {
                    Stage.check(view.getDeliveryAttempt() == 2, "the failed message came again as attempt %d, want 2",
                        view.getDeliveryAttempt());
                    most = 16;
                }
                last = order.settled(view);
                consumer.ack(view);
            }
        }
    }

    private static void fifoPush(Stage s, Mailbag bag) throws Exception {
        Order order = new Order();
        AtomicReference<String> failed = new AtomicReference<>();
        CompletableFuture<Void> done = new CompletableFuture<>();
        s.push(s.scenario.watch(), view -> {
            try {
                bag.check(view);
                if (failed.compareAndSet(null, view.getMessageId().toString())) {
                    return ConsumeResult.FAILURE;
                }
                if (order.settled(view)) {
                    done.complete(null);
                }
            } catch (RuntimeException e) {
                done.completeExceptionally(e);
            }
            return ConsumeResult.SUCCESS;
        });
        s.until("the push consumer had all ordered messages", done::isDone);
        done.get();
    }

    /** An empty poll ends in time, a parked poll is woken by a send, a batch is no larger than asked, acknowledged is gone. */
    static void simpleConsumer(Stage s) throws Exception {
        Producer producer = s.producer();
        SimpleConsumer consumer = s.simple();
        Mailbag bag = new Mailbag(s);
        producer.send(s.letter(99, "other", 0).build());
        s.untilDone(consumer, 1, view -> {
            consumer.ack(view);
            return true;
        });
        long start = System.nanoTime();
        s.nothing(consumer, "the topic is empty");
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        Stage.check(took.compareTo(s.await().plus(Stage.PATIENCE)) < 0, "an empty poll took %s, asked were %s", took, s.await());
        CompletableFuture<List<MessageView>> parked = consumer.receiveAsync(3, Stage.HOLD);
        Thread.sleep(s.run.awaitMillis() / 4);
        start = System.nanoTime();
        bag.send(producer, s.plain(0));
        List<MessageView> woken = parked.get(s.await().plus(Stage.PATIENCE).toMillis(), TimeUnit.MILLISECONDS);
        s.note("parked poll answered %d ms after the send began", Duration.ofNanos(System.nanoTime() - start).toMillis());
        Stage.check(woken.size() == 1, "a parked poll got %d messages, want the one that was sent meanwhile", woken.size());
        bag.check(woken.get(0));
        consumer.ack(woken.get(0));
        for (int n = 1; n <= 10; n++) {
            bag.send(producer, s.plain(n));
        }
        while (!bag.complete()) {
            Stage.check(!s.over(), "deadline passed after %d of 11 messages", bag.count());
            List<MessageView> got = consumer.receive(3, Stage.HOLD);
            Stage.check(got.size() <= 3, "asked for 3 messages, got %d", got.size());
            for (MessageView view : got) {
                bag.check(view);
                consumer.ack(view);
            }
        }
        bag.onceEach();
        s.nothing(consumer, "everything was acknowledged");
    }

    /** Everything comes once, but for one message that failed and comes again; then nothing is left. */
    static void pushConsumer(Stage s) throws Exception {
        Producer producer = s.producer();
        Mailbag bag = new Mailbag(s);
        AtomicReference<RuntimeException> trouble = new AtomicReference<>();
        s.push(s.scenario.group(), view -> {
            try {
                bag.check(view);
            } catch (RuntimeException e) {
                trouble.set(e);
            }
            boolean fails = "5".equals(view.getProperties().get("n")) && view.getDeliveryAttempt() == 1;
            return fails ? ConsumeResult.FAILURE : ConsumeResult.SUCCESS;
        });
        SendReceipt failing = null;
        for (int n = 0; n < 24; n++) {
            SendReceipt receipt = bag.send(producer, s.plain(n));
            failing = n == 5 ? receipt : failing;
        }
        String id = failing.getMessageId().toString();
        s.until("all messages and the failed one's second attempt came",
            () -> trouble.get() != null || bag.complete() && bag.attempts(id).size() >= 2);
        s.nothing(s.simple(), "the push consumer took everything");
        if (trouble.get() != null) {
            throw trouble.get();
        }
        Stage.check(bag.attempts(id).equals(List.of(1, 2)), "the failed message came as attempts %s, want [1, 2]", bag.attempts(id));
    }

    /** Shapes message n and says whether it matches the filter. */
    private interface Shape {
        boolean shape(int n, MessageBuilder builder);
    }

    static void tagFilter(Stage s) throws Exception {
        filtered(s, new FilterExpression("red || blue", FilterExpressionType.TAG), (n, builder) -> {
            String tag = new String[] {"red", "green", "blue"}[n % 3];
            builder.setTag(tag);
            return !tag.equals("green");
        });
    }

    static void sqlFilter(Stage s) throws Exception {
        String where = "price > 5 AND region IN ('north', 'east') AND note IS NOT NULL";
        filtered(s, new FilterExpression(where, FilterExpressionType.SQL92), (n, builder) -> {
            String region = new String[] {"north", "south", "east"}[n % 3];
            builder.addProperty("price", String.valueOf(n)).addProperty("region", region);
            return n > 5 && !region.equals("south");
        });
    }

    /** Sends twelve messages and wants exactly those that match; the last one sent matches. */
    private static void filtered(Stage s, FilterExpression filter, Shape shape) throws Exception {
        Producer producer = s.producer();
        SimpleConsumer consumer = s.simple(s.scenario.group(), s.scenario.topic(), filter);
        Mailbag matching = new Mailbag(s);
        Mailbag other = new Mailbag(s);
        for (int n = 0; n < 12; n++) {
            MessageBuilder builder = s.letter(n);
            Mailbag bag = shape.shape(n, builder) ? matching : other;
            bag.send(producer, builder.build());
        }
        s.drain(consumer, matching, 16);
        s.nothing(consumer, "all matching messages have come");
    }
}
