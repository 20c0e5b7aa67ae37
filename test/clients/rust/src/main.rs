// SPDX-License-Identifier: Apache-2.0

//! Drives the official Rust client through the conformance scenarios; see ../README.md for the job and the results.

mod receiving;
mod retrying;
mod sending;
mod stage;

use std::io::Write;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use stage::{Fail, Stage};

#[derive(Deserialize)]
struct Job {
    runs: Vec<Run>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    pub name: String,
    pub endpoint: String,
    pub tls: bool,
    pub access_key: String,
    pub secret_key: String,
    pub await_millis: u64,
    pub early_millis: i64,
    pub hold_millis: u64,
    pub loose: bool,
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize, Clone)]
pub struct Scenario {
    pub name: String,
    pub topic: String,
    pub group: String,
    pub watch: String,
    pub millis: u64,
}

#[derive(Serialize)]
struct Outcome {
    run: String,
    scenario: String,
    result: &'static str,
    millis: u128,
    detail: String,
}

async fn scenario(stage: &Stage) -> Result<(), Fail> {
    match stage.scenario.name.as_str() {
        "normal" => sending::normal(stage).await,
        "delay" => sending::delay(stage).await,
        "recall" => Err(Fail::Lacks("no recall in Producer, no recall handle in SendReceipt")),
        "transaction-commit" => sending::transaction_commit(stage).await,
        "transaction-rollback" => sending::transaction_rollback(stage).await,
        "transaction-checkback" => sending::transaction_checkback(stage).await,
        "wrong-secret" => sending::wrong_secret(stage).await,
        "fifo" => receiving::fifo(stage).await,
        "simple-consumer" => receiving::simple_consumer(stage).await,
        "push-consumer" => Err(Fail::Lacks("no push consumer")),
        "tag-filter" => receiving::tag_filter(stage).await,
        "sql-filter" => receiving::sql_filter(stage).await,
        "retry-to-dead-letter" => retrying::retry_to_dead_letter(stage).await,
        "invisible-time-change" => Err(Fail::Lacks("SimpleConsumer has receive and ack only")),
        "shared-group" => retrying::shared_group(stage).await,
        _ => Err(Fail::Wrong("no such scenario in this driver".into())),
    }
}

/// Plays one scenario; a call into the client that hangs is left behind a few seconds after the deadline.
async fn play(stage: Stage) -> Outcome {
    let start = Instant::now();
    let bound = Duration::from_millis(stage.scenario.millis + 5000);
    let (run, name) = (stage.run.name.clone(), stage.scenario.name.clone());
    // A task of its own, because this client panics where others return errors.
    let playing = tokio::spawn(async move {
        let ended = scenario(&stage).await;
        ended.map(|()| stage.noted())
    });
    let (result, detail) = match tokio::time::timeout(bound, playing).await {
        Err(_) => ("fail", "a call into the client did not return within the deadline".into()),
        Ok(Err(panic)) => ("fail", format!("the client panicked: {panic}")),
        Ok(Ok(Ok(notes))) => ("pass", notes),
        Ok(Ok(Err(Fail::Lacks(why)))) => ("lacks", why.to_string()),
        Ok(Ok(Err(Fail::Wrong(text)))) => ("fail", text),
    };
    Outcome { run, scenario: name, result, millis: start.elapsed().as_millis(), detail }
}

#[tokio::main]
async fn main() {
    let path = std::env::args().nth(1).expect("usage: driver JOB.json");
    let job: Job = serde_json::from_slice(&std::fs::read(path).expect("read the job")).expect("parse the job");
    // The client writes this log where it stands and does not make the directory.
    std::fs::create_dir_all("logs").expect("make logs/");
    let mut all = tokio::task::JoinSet::new();
    for run in job.runs {
        for one in run.scenarios.clone() {
            all.spawn(play(Stage::new(run.clone(), one)));
        }
    }
    while let Some(outcome) = all.join_next().await {
        let line = serde_json::to_string(&outcome.expect("a scenario's task")).expect("encode");
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").expect("print");
    }
}
