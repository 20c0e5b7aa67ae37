// SPDX-License-Identifier: Apache-2.0
package conformance;

import com.google.gson.Gson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.rocketmq.client.apis.consumer.ConsumeResult;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;

/** A load that goes on until it is told to stop. Each thing that it does or sees is a line; the suite judges all of them together. */
final class Steady {
    /** Milliseconds between two messages of a producer. */
    private static final long REST = 50;

    private static final Gson GSON = new Gson();

    private final Stage s;
    private final boolean fifo;

    private Steady(Stage s) {
        this.s = s;
        this.fifo = s.scenario.name().equals("steady-fifo");
    }

    record Event(String steady, String scenario, String what, int n, String error, long began, long ended, int attempt) { }

    /** Sends and receives until a file named stop is there, and receives until one named end is. */
    static void steady(Stage s) throws Exception {
        Steady load = new Steady(s);
        Producer producer = s.producer();
        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> load.send(producer));
        if (load.fifo) {
            load.poll();
        } else {
            load.listen();
        }
        sending.get();
    }

    private static boolean told(String name) {
        return Files.exists(Path.of(name));
    }

    private void tell(String what, int n, long began, Exception failed, int attempt) {
        String error = failed == null ? "" : failed.toString();
        String line = GSON.toJson(new Event(s.run.name(), s.scenario.name(), what, n, error, began, System.currentTimeMillis(), attempt));
        System.out.println(line);
    }

    private void send(Producer producer) {
        for (int n = 0; !told("stop") && !s.over(); n++) {
            long began = System.currentTimeMillis();
            Exception failed = null;
            try {
                MessageBuilder letter = s.letter(n);
                producer.send(fifo ? letter.setMessageGroup("lane").build() : letter.build());
            } catch (Exception e) {
                failed = e;
            }
            tell("sent", n, began, failed, 0);
            rest();
        }
    }

    private void poll() throws Exception {
        SimpleConsumer consumer = s.simple();
        while (!told("end")) {
            Stage.check(!s.over(), "deadline passed before it was told to end");
            long began = System.currentTimeMillis();
            List<MessageView> got = List.of();
            try {
                got = consumer.receive(8, Stage.HOLD);
            } catch (Exception e) {
                tell("polled", 0, began, e, 0);
                rest();
            }
            for (MessageView view : got) {
                tell("got", number(view), began, null, view.getDeliveryAttempt());
                acknowledge(consumer, view);
            }
        }
    }

    private void acknowledge(SimpleConsumer consumer, MessageView view) {
        for (int tries = 0; tries < 3; tries++) {
            long began = System.currentTimeMillis();
            try {
                consumer.ack(view);
                return;
            } catch (Exception e) {
                tell("acked", number(view), began, e, 0);
            }
        }
    }

    private void listen() throws Exception {
        s.push(s.scenario.group(), view -> {
            tell("got", number(view), System.currentTimeMillis(), null, view.getDeliveryAttempt());
            return ConsumeResult.SUCCESS;
        });
        s.until("it was told to end", () -> told("end"));
    }

    private static int number(MessageView view) {
        return Integer.parseInt(view.getProperties().get("n"));
    }

    private static void rest() {
        try {
            Thread.sleep(REST);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
