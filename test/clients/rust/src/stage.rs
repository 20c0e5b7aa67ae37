// SPDX-License-Identifier: Apache-2.0

//! One scenario under way: where it talks to, what it sent and saw, what it noted for the report.

use std::collections::HashMap;
use std::fmt::Display;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use rocketmq::conf::{ClientOption, LoggingFormat, ProducerOption, SimpleConsumerOption};
use rocketmq::error::ClientError;
use rocketmq::model::common::{FilterExpression, FilterType};
use rocketmq::model::message::{MessageBuilder, MessageView};
use rocketmq::model::transaction::TransactionChecker;
use rocketmq::{Producer, SimpleConsumer};

use crate::{Run, Scenario};

/// How long a received message stays with its consumer unless a scenario is about that time.
pub const HOLD: Duration = Duration::from_secs(30);

/// What a call may take on a machine that starves its client, so that no scenario is about the machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Why a scenario did not pass.
#[derive(Debug)]
pub enum Fail {
    Lacks(&'static str),
    Wrong(String),
}

/// Turns whatever the client returned into a failure that names the call.
pub fn wrong<E: Display>(call: &str) -> impl Fn(E) -> Fail + '_ {
    move |error| Fail::Wrong(format!("{call}: {error}"))
}

pub fn check(holds: bool, text: impl FnOnce() -> String) -> Result<(), Fail> {
    if holds {
        Ok(())
    } else {
        Err(Fail::Wrong(text()))
    }
}

pub fn everything() -> FilterExpression {
    FilterExpression::new(FilterType::Tag, "*")
}

pub fn unix_seconds() -> i64 {
    (unix_millis() / 1000) as i64
}

pub fn unix_millis() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_millis()
}

/// What was sent, to be compared with what comes.
#[derive(Clone)]
pub struct Letter {
    pub topic: String,
    pub body: Vec<u8>,
    pub tag: String,
    pub keys: Vec<String>,
    pub properties: HashMap<String, String>,
    pub group: Option<String>,
    pub due: Option<i64>,
}

impl Letter {
    pub fn with(mut self, key: &str, value: impl Display) -> Self {
        self.properties.insert(key.into(), value.to_string());
        self
    }

    pub fn builder(&self) -> MessageBuilder {
        let mut builder = MessageBuilder::builder()
            .set_topic(&self.topic)
            .set_body(self.body.clone())
            .set_tag(&self.tag)
            .set_keys(self.keys.clone())
            .set_properties(self.properties.clone());
        if let Some(group) = &self.group {
            builder = builder.set_message_group(group);
        }
        if let Some(due) = self.due {
            builder = builder.set_delivery_timestamp(due);
        }
        builder
    }
}

pub struct Stage {
    pub run: Run,
    pub scenario: Scenario,
    deadline: Instant,
    late: AtomicUsize,
    notes: Mutex<Vec<String>>,
}

impl Stage {
    pub fn new(run: Run, scenario: Scenario) -> Self {
        let deadline = Instant::now() + Duration::from_millis(scenario.millis);
        Stage { run, scenario, deadline, late: AtomicUsize::new(0), notes: Mutex::default() }
    }

    pub fn note(&self, text: String) {
        self.notes.lock().expect("notes").push(text);
    }

    pub fn noted(&self) -> String {
        self.notes.lock().expect("notes").join(", ")
    }

    pub fn short_hold(&self) -> Duration {
        Duration::from_millis(self.run.hold_millis)
    }

    pub fn in_time(&self, what: &str) -> Result<(), Fail> {
        check(Instant::now() < self.deadline, || format!("deadline passed before {what}"))
    }

    fn client_option(&self) -> ClientOption {
        let mut option = ClientOption::default();
        option.set_access_url(&self.run.endpoint);
        option.set_enable_tls(self.run.tls);
        option.set_timeout(PATIENCE);
        option.set_long_polling_timeout(Duration::from_millis(self.run.await_millis));
        if !self.run.access_key.is_empty() {
            option.set_access_key(&self.run.access_key);
            option.set_secret_key(&self.run.secret_key);
        }
        option
    }

    /// Opens a producer that announces no topic.
    pub async fn producer(&self) -> Result<Producer, Fail> {
        let mut option = ProducerOption::default();
        option.set_logging_format(LoggingFormat::Json);
        let mut producer = Producer::new(option, self.client_option()).map_err(wrong("new producer"))?;
        producer.start().await.map_err(wrong("start producer"))?;
        Ok(producer)
    }

    pub async fn transactional(&self, checker: Box<TransactionChecker>) -> Result<Producer, Fail> {
        let mut option = ProducerOption::default();
        option.set_logging_format(LoggingFormat::Json);
        option.set_topics(vec![&self.scenario.topic]);
        let mut producer = Producer::new_transaction_producer(option, self.client_option(), checker)
            .map_err(wrong("new transaction producer"))?;
        producer.start().await.map_err(wrong("start transaction producer"))?;
        Ok(producer)
    }

    pub async fn simple(&self, group: &str, topic: &str) -> Result<SimpleConsumer, Fail> {
        let mut option = SimpleConsumerOption::default();
        option.set_logging_format(LoggingFormat::Json);
        option.set_topics(vec![topic]);
        option.set_consumer_group(group);
        let mut consumer = SimpleConsumer::new(option, self.client_option()).map_err(wrong("new simple consumer"))?;
        consumer.start().await.map_err(wrong("start simple consumer"))?;
        Ok(consumer)
    }

    pub async fn consumer(&self) -> Result<SimpleConsumer, Fail> {
        self.simple(&self.scenario.group, &self.scenario.topic).await
    }

    /// Message number n of a scenario: a body that is no text, two keys, a tag and two properties.
    pub fn letter(&self, n: usize) -> Letter {
        let mut body = format!("{} {} {n}\n", self.run.name, self.scenario.name).into_bytes();
        body.extend([0x00, 0xff, 0xfe, n as u8]);
        let properties = HashMap::from([("n".into(), n.to_string()), ("note".into(), "grüße ✓ 日本".into())]);
        Letter {
            topic: self.scenario.topic.clone(),
            body,
            tag: format!("tag{}", n % 3),
            keys: vec![format!("key-{n}"), "shared".into()],
            properties,
            group: None,
            due: None,
        }
    }

    pub async fn receive(&self, consumer: &SimpleConsumer, most: i32) -> Result<Vec<MessageView>, Fail> {
        self.receive_filtered(consumer, &everything(), most).await
    }

    pub async fn receive_filtered(
        &self,
        consumer: &SimpleConsumer,
        filter: &FilterExpression,
        most: i32,
    ) -> Result<Vec<MessageView>, Fail> {
        self.received(consumer.receive_with(&self.scenario.topic, filter, most, HOLD).await)
    }

    /// Takes a poll that ran into its deadline for an empty one, twice at most: this client's deadline is the polling time
    /// itself, and a machine with more work than cores may not answer before it.
    pub fn received(&self, polled: Result<Vec<MessageView>, ClientError>) -> Result<Vec<MessageView>, Fail> {
        match polled {
            Err(error) if error.to_string().contains("Timeout expired") && self.late.fetch_add(1, Ordering::Relaxed) < 2 => {
                self.note("a poll came too late".into());
                Ok(vec![])
            }
            other => other.map_err(wrong("receive")),
        }
    }

    /// Receives, checks and acknowledges until everything in the bag has come.
    pub async fn drain(&self, consumer: &SimpleConsumer, bag: &mut Mailbag) -> Result<(), Fail> {
        self.drain_filtered(consumer, &everything(), bag).await
    }

    pub async fn drain_filtered(
        &self,
        consumer: &SimpleConsumer,
        filter: &FilterExpression,
        bag: &mut Mailbag,
    ) -> Result<(), Fail> {
        while !bag.complete() {
            self.in_time("all messages came")?;
            for view in self.receive_filtered(consumer, filter, 16).await? {
                bag.check(&view)?;
                consumer.ack(&view).await.map_err(wrong("ack"))?;
            }
        }
        Ok(())
    }

    /// Polls once and wants it empty.
    pub async fn nothing(&self, consumer: &SimpleConsumer, filter: &FilterExpression, why: &str) -> Result<(), Fail> {
        let got = self.receive_filtered(consumer, filter, 16).await?;
        check(got.is_empty(), || format!("{why}, yet {} came as attempt {}", got[0].message_id(), got[0].delivery_attempt()))
    }
}

/// Remembers what was sent under which id, and which deliveries of it were seen.
pub struct Mailbag {
    loose: bool,
    pub sent: HashMap<String, Letter>,
    pub seen: HashMap<String, Vec<i32>>,
}

impl Mailbag {
    pub fn new(stage: &Stage) -> Self {
        Mailbag { loose: stage.run.loose, sent: HashMap::new(), seen: HashMap::new() }
    }

    pub async fn send(&mut self, producer: &Producer, letter: Letter) -> Result<String, Fail> {
        let message = letter.builder().build().map_err(wrong("build"))?;
        let receipt = producer.send(message).await.map_err(wrong("send"))?;
        check(!receipt.message_id().is_empty(), || "the receipt has no message id".into())?;
        self.sent.insert(receipt.message_id().into(), letter);
        Ok(receipt.message_id().into())
    }

    /// Compares a delivery with what was sent under its id and counts it.
    pub fn check(&mut self, view: &MessageView) -> Result<(), Fail> {
        let id = view.message_id().to_string();
        let Some(letter) = self.sent.get(&id) else {
            return Err(Fail::Wrong(format!("message {id} was never sent")));
        };
        same(view, letter, self.loose)?;
        self.seen.entry(id).or_default().push(view.delivery_attempt());
        Ok(())
    }

    pub fn complete(&self) -> bool {
        self.seen.len() == self.sent.len()
    }

    /// Holds when every message that was sent came exactly once, as attempt 1.
    pub fn once_each(&self) -> Result<(), Fail> {
        for id in self.sent.keys() {
            check(self.seen.get(id) == Some(&vec![1]), || format!("{id} came with attempts {:?}, want [1]", self.seen.get(id)))?;
        }
        Ok(())
    }
}

/// Compares all that a sender may set. A loose target may add properties of its own.
pub fn same(view: &MessageView, want: &Letter, loose: bool) -> Result<(), Fail> {
    labelled(view, want)?;
    check(view.topic() == want.topic, || format!("topic {}, want {}", view.topic(), want.topic))?;
    let mut properties = view.properties().clone();
    properties.retain(|key, _| !loose || want.properties.contains_key(key));
    check(properties == want.properties, || format!("properties {properties:?}, want {:?}", want.properties))?;
    check(view.message_group() == want.group.as_deref(), || format!("message group {:?}, want {:?}", view.message_group(), want.group))?;
    check((unix_seconds() - view.born_timestamp()).abs() < 600, || format!("born timestamp {} is not of this run", view.born_timestamp()))
}

/// Compares body, tag and keys.
pub fn labelled(view: &MessageView, want: &Letter) -> Result<(), Fail> {
    check(view.body() == want.body, || format!("body of {} bytes, want {}, or other bytes", view.body().len(), want.body.len()))?;
    check(view.tag() == Some(want.tag.as_str()), || format!("tag {:?}, want {}", view.tag(), want.tag))?;
    check(view.keys() == want.keys, || format!("keys {:?}, want {:?}", view.keys(), want.keys))
}

/// Runs a future for at most as long as the scenario has.
pub async fn bounded<T>(stage: &Stage, what: &str, future: impl Future<Output = T>) -> Result<T, Fail> {
    let left = stage.deadline.saturating_duration_since(Instant::now());
    tokio::time::timeout(left, future).await.map_err(|_| Fail::Wrong(format!("deadline passed before {what}")))
}
