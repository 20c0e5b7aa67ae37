// SPDX-License-Identifier: Apache-2.0
package conformance;

import com.google.gson.Gson;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Drives the official Java client through the conformance scenarios; see ../README.md for the job and the results. */
public final class Driver {
    /** Every client of this library brings a few dozen threads, so not all scenarios play at once. */
    private static final int AT_ONCE = 14;

    record Job(List<Run> runs) { }

    record Run(String name, String endpoint, boolean tls, String accessKey, String secretKey, int awaitMillis,
               int earlyMillis, int holdMillis, boolean loose, List<Scenario> scenarios) { }

    record Scenario(String name, String topic, String group, String watch, long millis) { }

    record Result(String run, String scenario, String result, long millis, String detail) { }

    /** One scenario's code. */
    interface Play {
        void play(Stage stage) throws Exception;
    }

    private static final Map<String, Play> PLAYS = Map.ofEntries(
        Map.entry("normal", Sending::normal),
        Map.entry("delay", Sending::delay),
        Map.entry("recall", Sending::recall),
        Map.entry("transaction-commit", Sending::transactionCommit),
        Map.entry("transaction-rollback", Sending::transactionRollback),
        Map.entry("transaction-checkback", Sending::transactionCheckback),
        Map.entry("wrong-secret", Sending::wrongSecret),
        Map.entry("fifo", Receiving::fifo),
        Map.entry("simple-consumer", Receiving::simpleConsumer),
        Map.entry("push-consumer", Receiving::pushConsumer),
        Map.entry("tag-filter", Receiving::tagFilter),
        Map.entry("sql-filter", Receiving::sqlFilter),
        Map.entry("retry-to-dead-letter", Retrying::retryToDeadLetter),
        Map.entry("invisible-time-change", Retrying::invisibleTimeChange),
        Map.entry("shared-group", Retrying::sharedGroup),
        Map.entry("steady", Steady::steady),
        Map.entry("steady-fifo", Steady::steady));

    private Driver() { }

    public static void main(String[] args) throws Exception {
        Gson gson = new Gson();
        Job job = gson.fromJson(Files.readString(Path.of(args[0])), Job.class);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        ExecutorService stages = Executors.newFixedThreadPool(AT_ONCE);
        ExecutorService calls = Executors.newCachedThreadPool();
        ExecutorService closing = Executors.newCachedThreadPool();
        List<Future<?>> all = new ArrayList<>();
        for (Run run : job.runs()) {
            for (Scenario scenario : run.scenarios()) {
                all.add(stages.submit(() -> {
                    Stage stage = new Stage(run, scenario);
                    Result result = play(stage, calls);
                    synchronized (out) {
                        out.println(gson.toJson(result));
                    }
                    stage.close(closing);
                }));
            }
        }
        for (Future<?> one : all) {
            one.get();
        }
        closing.shutdown();
        closing.awaitTermination(3, TimeUnit.SECONDS);
        System.exit(0);
    }

    private static Result play(Stage stage, ExecutorService calls) {
        long start = System.nanoTime();
        String outcome = "fail";
        String detail;
        stage.begin();
        Future<?> playing = calls.submit(() -> {
            PLAYS.get(stage.scenario.name()).play(stage);
            return null;
        });
        try {
            playing.get(stage.scenario.millis() + 5000, TimeUnit.MILLISECONDS);
            outcome = "pass";
            detail = stage.notes();
        } catch (TimeoutException e) {
            detail = "a call into the client did not return within the deadline";
        } catch (Exception e) {
            detail = String.valueOf(e.getCause() == null ? e : e.getCause());
        }
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        return new Result(stage.run.name(), stage.scenario.name(), outcome, millis, detail);
    }
}
