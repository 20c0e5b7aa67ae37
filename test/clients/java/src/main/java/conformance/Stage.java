// SPDX-License-Identifier: Apache-2.0
package conformance;

import java.io.Closeable;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.function.BooleanSupplier;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientConfigurationBuilder;
import org.apache.rocketmq.client.apis.ClientException;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.StaticSessionCredentialsProvider;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.MessageListener;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.Message;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;
import org.apache.rocketmq.client.apis.producer.TransactionChecker;

/** One scenario under way: where it talks to, what it opened, what it noted for the report. */
final class Stage {
    static final ClientServiceProvider PROVIDER = ClientServiceProvider.loadService();

    /** How long a received message stays with its consumer unless a scenario is about that time. */
    static final Duration HOLD = Duration.ofSeconds(30);
    /** What a call may take on a machine that starves its client, so that no scenario is about the machine. */
    static final Duration PATIENCE = Duration.ofSeconds(20);

    final Driver.Run run;
    final Driver.Scenario scenario;
    private final List<Closeable> opened = Collections.synchronizedList(new ArrayList<>());
    private final List<String> notes = Collections.synchronizedList(new ArrayList<>());
    private volatile long deadline;

    Stage(Driver.Run run, Driver.Scenario scenario) {
        this.run = run;
        this.scenario = scenario;
    }

    /** A call that may be made again on each poll. */
    interface Take {
        /** Says that the scenario has all it waits for. */
        boolean take(MessageView view) throws Exception;
    }

    void begin() {
        deadline = System.currentTimeMillis() + scenario.millis();
    }

    boolean over() {
        return System.currentTimeMillis() > deadline;
    }

    Duration await() {
        return Duration.ofMillis(run.awaitMillis());
    }

    Duration shortHold() {
        return Duration.ofMillis(run.holdMillis());
    }

    void note(String format, Object... args) {
        notes.add(String.format(format, args));
    }

    String notes() {
        return String.join(", ", notes);
    }

    void close(ExecutorService closing) {
        for (Closeable one : opened) {
            closing.submit(() -> {
                one.close();
                return null;
            });
        }
    }

    private ClientConfiguration configuration(String secretSuffix) {
        ClientConfigurationBuilder builder = ClientConfiguration.newBuilder().setEndpoints(run.endpoint()).enableSsl(run.tls());
        if (!scenario.name().startsWith("steady")) { // which is a load of clients as they are
            builder.setRequestTimeout(PATIENCE);
        }
        if (!run.accessKey().isEmpty()) {
            builder.setCredentialProvider(new StaticSessionCredentialsProvider(run.accessKey(), run.secretKey() + secretSuffix));
        }
        return builder.build();
    }

    /** Opens a producer that announces no topic. */
    Producer producer() throws ClientException {
        return opened(PROVIDER.newProducerBuilder().setClientConfiguration(configuration("")).build());
    }

    Producer producerWithWrongSecret() throws ClientException {
        return opened(PROVIDER.newProducerBuilder().setClientConfiguration(configuration("x")).setTopics(scenario.topic()).build());
    }

    Producer transactional(TransactionChecker checker) throws ClientException {
        return opened(PROVIDER.newProducerBuilder().setClientConfiguration(configuration("")).setTopics(scenario.topic())
            .setTransactionChecker(checker).build());
    }

    SimpleConsumer simple(String group, String topic, FilterExpression filter) throws ClientException {
        return opened(PROVIDER.newSimpleConsumerBuilder().setClientConfiguration(configuration("")).setConsumerGroup(group)
            .setAwaitDuration(await()).setSubscriptionExpressions(Collections.singletonMap(topic, filter)).build());
    }

    SimpleConsumer simple() throws ClientException {
        return simple(scenario.group(), scenario.topic(), FilterExpression.SUB_ALL);
    }

    void push(String group, MessageListener listener) throws ClientException {
        opened(PROVIDER.newPushConsumerBuilder().setClientConfiguration(configuration("")).setConsumerGroup(group)
            .setSubscriptionExpressions(Collections.singletonMap(scenario.topic(), FilterExpression.SUB_ALL))
            .setMessageListener(listener).build());
    }

    private <T extends Closeable> T opened(T client) {
        opened.add(client);
        return client;
    }

    /** Message number n of a scenario: a body that is no text, two keys, a tag and two properties. */
    MessageBuilder letter(int n) {
        return letter(n, "tag" + n % 3, 0);
    }

    MessageBuilder letter(int n, String tag, int padding) {
        byte[] text = (run.name() + " " + scenario.name() + " " + n + "\n").getBytes(StandardCharsets.UTF_8);
        byte[] body = java.util.Arrays.copyOf(text, text.length + 4 + padding);
        System.arraycopy(new byte[] {0x00, (byte) 0xff, (byte) 0xfe, (byte) n}, 0, body, text.length, 4);
        return PROVIDER.newMessageBuilder().setTopic(scenario.topic()).setBody(body).setTag(tag)
            .setKeys("key-" + n, "shared").addProperty("n", String.valueOf(n)).addProperty("note", "grüße ✓ 日本");
    }

    Message plain(int n) {
        return letter(n).build();
    }

    /** Polls and hands each delivery to take, until take says that it has all or the deadline passes. */
    void untilDone(SimpleConsumer consumer, int most, Take take) throws Exception {
        boolean done = false;
        while (!done) {
            check(!over(), "deadline passed while messages were still missing");
            for (MessageView view : consumer.receive(most, HOLD)) {
                done |= take.take(view);
            }
        }
    }

    /** Receives, checks and acknowledges until everything in the bag has come. */
    void drain(SimpleConsumer consumer, Mailbag bag, int most) throws Exception {
        untilDone(consumer, most, view -> {
            bag.check(view);
            consumer.ack(view);
            return bag.complete();
        });
    }

    /** Polls once and wants it empty. */
    void nothing(SimpleConsumer consumer, String why) throws Exception {
        List<MessageView> got = consumer.receive(16, HOLD);
        check(got.isEmpty(), "%s, yet this came: %s", why, got);
    }

    void until(String what, BooleanSupplier ready) throws Exception {
        while (!ready.getAsBoolean()) {
            check(!over(), "deadline passed before %s", what);
            Thread.sleep(20);
        }
    }

    static void check(boolean holds, String format, Object... args) {
        if (!holds) {
            throw new IllegalStateException(String.format(format, args));
        }
    }
}
