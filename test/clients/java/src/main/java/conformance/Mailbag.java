// SPDX-License-Identifier: Apache-2.0
package conformance;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.SendReceipt;

/** Remembers what was sent under which id, and which deliveries of it were seen. Safe for use by several threads. */
final class Mailbag {
    private final boolean loose;
    private final Map<String, Message> sent = new HashMap<>();
    private final Map<String, List<Integer>> seen = new HashMap<>();

    Mailbag(Stage stage) {
        this.loose = stage.run.loose();
    }

    /** Sends while holding the bag, so that no delivery is checked before its id is known. */
    synchronized SendReceipt send(Producer producer, Message message) throws ClientException {
        SendReceipt receipt = producer.send(message);
        sent.put(receipt.getMessageId().toString(), message);
        return receipt;
    }

    synchronized void sent(String id, Message message) {
        sent.put(id, message);
    }

    /** Compares a delivery with what was sent under its id and counts it. */
    synchronized void check(MessageView view) {
        String id = view.getMessageId().toString();
        Message message = sent.get(id);
        Stage.check(message != null, "message %s was never sent", id);
        seen.computeIfAbsent(id, k -> new ArrayList<>()).add(view.getDeliveryAttempt());
        same(view, message);
    }

    synchronized void saw(MessageView view) {
        seen.computeIfAbsent(view.getMessageId().toString(), k -> new ArrayList<>()).add(view.getDeliveryAttempt());
    }

    synchronized boolean complete() {
        return seen.size() == sent.size();
    }

    synchronized int count() {
        return seen.size();
    }

    synchronized List<Integer> attempts(String id) {
        return new ArrayList<>(seen.getOrDefault(id, List.of()));
    }

    /** Holds when every message that was sent came exactly once, as attempt 1. */
    synchronized void onceEach() {
        for (String id : sent.keySet()) {
            Stage.check(List.of(1).equals(seen.get(id)), "message %s came with attempts %s, want [1]", id, seen.get(id));
        }
    }

    /** Compares all that a sender may set. A loose target may add properties of its own. */
    synchronized void same(MessageView view, Message message) {
        body(view, message);
        Stage.check(view.getTopic().equals(message.getTopic()), "topic %s, want %s", view.getTopic(), message.getTopic());
        labels(view, message);
        Map<String, String> properties = new HashMap<>(view.getProperties());
        if (loose) {
            properties.keySet().retainAll(message.getProperties().keySet());
        }
        Stage.check(properties.equals(message.getProperties()), "properties %s, want %s", properties, message.getProperties());
        Stage.check(view.getMessageGroup().equals(message.getMessageGroup()), "message group %s, want %s",
            view.getMessageGroup(), message.getMessageGroup());
        Stage.check(Math.abs(System.currentTimeMillis() - view.getBornTimestamp()) < 600_000, "born timestamp %d is not of this run",
            view.getBornTimestamp());
    }

    static void body(MessageView view, Message message) {
        ByteBuffer got = view.getBody();
        Stage.check(got.equals(message.getBody()), "body of %s: %d bytes, want %d, or other bytes", view.getMessageId(),
            got.remaining(), message.getBody().remaining());
    }

    static void labels(MessageView view, Message message) {
        Stage.check(view.getTag().equals(message.getTag()), "tag %s, want %s", view.getTag(), message.getTag());
        List<String> got = new ArrayList<>(view.getKeys());
        List<String> want = new ArrayList<>(message.getKeys());
        Stage.check(got.equals(want), "keys %s, want %s", got, want);
    }
}
