// SPDX-License-Identifier: Apache-2.0

//! Scenarios about how messages are received.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rocketmq::model::common::{FilterExpression, FilterType};
use rocketmq::SimpleConsumer;

use crate::stage::{bounded, check, everything, wrong, Fail, Letter, Mailbag, Stage, PATIENCE};

const GROUPS: usize = 3;
const DEPTH: usize = 5;

/// Each message group keeps its order; a message that failed comes again before any later one of its group. This client
/// can only let a message time out, so the first one is held for a short time.
pub async fn fifo(s: &Stage) -> Result<(), Fail> {
    let (producer, consumer, mut bag) = (s.producer().await?, s.consumer().await?, Mailbag::new(s));
    for seq in 0..DEPTH {
        for group in 0..GROUPS {
            let mut letter = s.letter(seq * GROUPS + group).with("seq", seq);
            letter.group = Some(format!("group-{group}"));
            bag.send(&producer, letter).await?;
        }
    }
    let failed = fail_one(s, &consumer, &mut bag).await?;
    let (mut next, mut left, mut most) = (HashMap::<String, usize>::new(), GROUPS * DEPTH, 1);
    while left > 0 {
        s.in_time("all ordered messages came")?;
        for view in s.receive(&consumer, most).await? {
            bag.check(&view)?;
            if view.message_id() == failed {
                check(view.delivery_attempt() == 2, || format!("the failed message came as attempt {}, want 2", view.delivery_attempt()))?;
                most = 16;
            }
            let group = view.message_group().unwrap_or_default();
            let want = next.entry(group.into()).or_default();
            let got = &view.properties()["seq"];
            check(*got == want.to_string(), || format!("group {group} delivered number {got}, want {want}"))?;
            *want += 1;
            left -= 1;
            consumer.ack(&view).await.map_err(wrong("ack"))?;
        }
    }
    Ok(())
}

/// Takes the first message, holds it for a short time and never acknowledges it.
async fn fail_one(s: &Stage, consumer: &SimpleConsumer, bag: &mut Mailbag) -> Result<String, Fail> {
    loop {
        s.in_time("the first message came")?;
        let got = s.received(consumer.receive_with(&s.scenario.topic, &everything(), 1, s.short_hold()).await)?;
        if let Some(view) = got.first() {
            bag.check(view)?;
            return Ok(view.message_id().into());
        }
    }
}

/// An empty poll ends in time, a parked poll is woken by a send, a batch is no larger than asked, acknowledged is gone.
pub async fn simple_consumer(s: &Stage) -> Result<(), Fail> {
    let (producer, consumer, mut bag) = (s.producer().await?, s.consumer().await?, Mailbag::new(s));
    let start = Instant::now();
    s.nothing(&consumer, &everything(), "the topic is empty").await?;
    let (took, asked) = (start.elapsed(), Duration::from_millis(s.run.await_millis));
    check(took < asked + PATIENCE, || format!("an empty poll took {took:?}, asked were {asked:?}"))?;
    let (parked, sent) = tokio::join!(bounded(s, "the parked poll came back", s.receive(&consumer, 3)), async {
        tokio::time::sleep(asked / 4).await;
        let start = Instant::now();
        bag.send(&producer, s.letter(0)).await.map(|_| start)
    });
    let (woken, sent) = (parked??, sent?);
    s.note(format!("parked poll answered {} ms after the send began", sent.elapsed().as_millis()));
    check(woken.len() == 1, || format!("a parked poll got {} messages, want the one that was sent meanwhile", woken.len()))?;
    bag.check(&woken[0])?;
    consumer.ack(&woken[0]).await.map_err(wrong("ack"))?;
    for n in 1..=10 {
        bag.send(&producer, s.letter(n)).await?;
    }
    while !bag.complete() {
        s.in_time("all messages came")?;
        let got = s.receive(&consumer, 3).await?;
        check(got.len() <= 3, || format!("asked for 3 messages, got {}", got.len()))?;
        for view in got {
            bag.check(&view)?;
            consumer.ack(&view).await.map_err(wrong("ack"))?;
        }
    }
    bag.once_each()?;
    s.nothing(&consumer, &everything(), "everything was acknowledged").await
}

pub async fn tag_filter(s: &Stage) -> Result<(), Fail> {
    filtered(s, FilterExpression::new(FilterType::Tag, "red || blue"), |n| {
        let mut letter = s.letter(n);
        letter.tag = ["red", "green", "blue"][n % 3].into();
        let matches = letter.tag != "green";
        (letter, matches)
    })
    .await
}

pub async fn sql_filter(s: &Stage) -> Result<(), Fail> {
    let expression = "price > 5 AND region IN ('north', 'east') AND note IS NOT NULL";
    filtered(s, FilterExpression::new(FilterType::Sql, expression), |n| {
        let region = ["north", "south", "east"][n % 3];
        (s.letter(n).with("price", n).with("region", region), n > 5 && region != "south")
    })
    .await
}

/// Sends twelve messages and wants exactly those that match; the last one sent matches.
async fn filtered(s: &Stage, filter: FilterExpression, shape: impl Fn(usize) -> (Letter, bool)) -> Result<(), Fail> {
    let (producer, consumer) = (s.producer().await?, s.consumer().await?);
    let (mut matching, mut other) = (Mailbag::new(s), Mailbag::new(s));
    for n in 0..12 {
        let (letter, matches) = shape(n);
        let bag = if matches { &mut matching } else { &mut other };
        bag.send(&producer, letter).await?;
    }
    s.drain_filtered(&consumer, &filter, &mut matching).await?;
    s.nothing(&consumer, &filter, "all matching messages have come").await
}
