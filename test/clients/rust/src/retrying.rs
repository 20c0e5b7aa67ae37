// SPDX-License-Identifier: Apache-2.0

//! Scenarios about messages that come again, and about who gets them.

use std::time::Duration;

use rocketmq::model::message::MessageView;
use rocketmq::SimpleConsumer;

use crate::stage::{check, everything, labelled, wrong, Fail, Mailbag, Stage, HOLD};

/// A message that is never acknowledged comes twice, then lies in the group's dead letters as it was sent. This client can
/// only let a message time out, and its group allows two attempts.
pub async fn retry_to_dead_letter(s: &Stage) -> Result<(), Fail> {
    let (producer, consumer, mut bag) = (s.producer().await?, s.consumer().await?, Mailbag::new(s));
    let letter = s.letter(0);
    let id = bag.send(&producer, letter.clone()).await?;
    let dead = loop {
        s.in_time(&format!("the dead letter came; attempts so far {:?}", bag.seen.get(&id)))?;
        let got = s.received(consumer.receive_with(&s.scenario.topic, &everything(), 1, s.short_hold()).await)?;
        for view in got {
            bag.check(&view)?;
        }
        if bag.seen.get(&id).map_or(0, Vec::len) >= 2 {
            if let Some(dead) = dead_letter(s).await {
                break dead;
            }
        }
    };
    check(bag.seen[&id] == [1, 2], || format!("dead-lettered after attempts {:?}, want [1, 2]", bag.seen[&id]))?;
    labelled(&dead, &letter)?;
    for (key, want) in &letter.properties {
        check(dead.properties().get(key) == Some(want), || format!("dead letter has property {key} = {:?}, want {want}", dead.properties().get(key)))?;
    }
    Ok(())
}

/// Reads the group's dead letters once, with another group. The topic may appear only with its first message.
async fn dead_letter(s: &Stage) -> Option<MessageView> {
    let topic = format!("%DLQ%{}", s.scenario.group);
    let consumer = s.simple(&s.scenario.watch, &topic).await.ok()?;
    let got = consumer.receive_with(&topic, &everything(), 1, HOLD).await.ok()?;
    let dead = got.into_iter().next()?;
    consumer.ack(&dead).await.ok()?;
    Some(dead)
}

/// Two consumers of one group share the messages; each message comes once in all.
pub async fn shared_group(s: &Stage) -> Result<(), Fail> {
    let (producer, mut bag) = (s.producer().await?, Mailbag::new(s));
    let consumers = [s.consumer().await?, s.consumer().await?];
    let mut shares = [0, 0];
    while bag.sent.len() < 40 || shares.iter().any(|&share| share < 3) || !bag.complete() {
        s.in_time(&format!("both consumers had a share: {shares:?} of {}", bag.sent.len()))?;
        let (first, second, sent) = tokio::join!(s.receive(&consumers[0], 2), s.receive(&consumers[1], 2), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            for _ in 0..4 {
                let n = bag.sent.len();
                bag.send(&producer, s.letter(n)).await?;
            }
            Ok::<(), Fail>(())
        });
        sent?;
        shares[0] += settle(&consumers[0], &mut bag, first?).await?;
        shares[1] += settle(&consumers[1], &mut bag, second?).await?;
        if bag.sent.len() >= 40 {
            shares[0] += drain(s, &consumers[0], &mut bag).await?;
        }
    }
    bag.once_each()?;
    s.note(format!("{} and {} of {}", shares[0], shares[1], bag.sent.len()));
    Ok(())
}

/// Takes what is left for now and says how much that was.
async fn drain(s: &Stage, consumer: &SimpleConsumer, bag: &mut Mailbag) -> Result<usize, Fail> {
    let before = bag.seen.len();
    s.drain(consumer, bag).await?;
    Ok(bag.seen.len() - before)
}

async fn settle(consumer: &SimpleConsumer, bag: &mut Mailbag, got: Vec<MessageView>) -> Result<usize, Fail> {
    for view in &got {
        bag.check(view)?;
        consumer.ack(view).await.map_err(wrong("ack"))?;
    }
    Ok(got.len())
}
