// SPDX-License-Identifier: Apache-2.0

//! Scenarios about what a producer may ask for.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use rocketmq::model::message::MessageView;
use rocketmq::model::transaction::{Transaction, TransactionResolution};
use rocketmq::Producer;

use crate::stage::{check, everything, same, unix_millis, unix_seconds, wrong, Fail, Mailbag, Stage};

/// Bodies, tags, keys and properties arrive as they were sent, the largest one being 256 KiB.
pub async fn normal(s: &Stage) -> Result<(), Fail> {
    let (producer, consumer, mut bag) = (s.producer().await?, s.consumer().await?, Mailbag::new(s));
    for n in 0..12 {
        let mut letter = s.letter(n);
        if n == 11 {
            letter.body.extend(vec![0; 256 << 10]);
        }
        bag.send(&producer, letter).await?;
    }
    s.drain(&consumer, &mut bag).await?;
    bag.once_each()
}

/// A message stays away until its time. This client knows whole seconds only.
pub async fn delay(s: &Stage) -> Result<(), Fail> {
    let (producer, consumer, mut bag) = (s.producer().await?, s.consumer().await?, Mailbag::new(s));
    let (mut letter, due) = (s.letter(0), unix_seconds() + 4);
    letter.due = Some(due);
    bag.send(&producer, letter).await?;
    while !bag.complete() {
        s.in_time("the message came")?;
        for view in s.receive(&consumer, 16).await? {
            let late = unix_millis() as i64 - due * 1000;
            check(late >= -s.run.early_millis, || format!("came {} ms before its time", -late))?;
            check(view.delivery_timestamp() == Some(due), || format!("delivery timestamp {:?}, want {due}", view.delivery_timestamp()))?;
            bag.check(&view)?;
            consumer.ack(&view).await.map_err(wrong("ack"))?;
            s.note(format!("{late} ms after its time"));
        }
    }
    Ok(())
}

type Asked = Arc<Mutex<Vec<MessageView>>>;

/// Opens a producer whose checker commits, or stays undecided, and remembers what it was asked.
async fn transactional(s: &Stage, commits: bool) -> Result<(Producer, Asked), Fail> {
    let asked = Asked::default();
    let remember = asked.clone();
    let producer = s
        .transactional(Box::new(move |_, view| {
            remember.lock().expect("asked").push(view);
            if commits {
                TransactionResolution::COMMIT
            } else {
                TransactionResolution::UNKNOWN
            }
        }))
        .await?;
    Ok((producer, asked))
}

/// Sends a message under a transaction that is still open.
async fn half<'a>(s: &Stage, producer: &'a Producer, bag: &mut Mailbag, n: usize) -> Result<impl Transaction + 'a, Fail> {
    let letter = s.letter(n);
    let message = letter.builder().enable_transaction().build().map_err(wrong("build"))?;
    let transaction = producer.send_transaction_message(message).await.map_err(wrong("send half message"))?;
    bag.sent.insert(transaction.message_id().into(), letter);
    Ok(transaction)
}

pub async fn transaction_commit(s: &Stage) -> Result<(), Fail> {
    let ((producer, _), consumer, mut bag) = (transactional(s, false).await?, s.consumer().await?, Mailbag::new(s));
    let transaction = half(s, &producer, &mut bag, 0).await?;
    s.nothing(&consumer, &everything(), "the transaction is open").await?;
    transaction.commit().await.map_err(wrong("commit"))?;
    s.drain(&consumer, &mut bag).await
}

/// The rolled back message never comes, one that was committed after it does.
pub async fn transaction_rollback(s: &Stage) -> Result<(), Fail> {
    let ((producer, _), consumer, mut bag) = (transactional(s, false).await?, s.consumer().await?, Mailbag::new(s));
    half(s, &producer, &mut Mailbag::new(s), 0).await?.rollback().await.map_err(wrong("rollback"))?;
    half(s, &producer, &mut bag, 1).await?.commit().await.map_err(wrong("commit"))?;
    s.drain(&consumer, &mut bag).await?;
    s.nothing(&consumer, &everything(), "the other transaction was rolled back").await
}

/// Nobody ends the transaction, so the server asks, and the checker's answer counts.
pub async fn transaction_checkback(s: &Stage) -> Result<(), Fail> {
    let ((producer, asked), consumer, mut bag) = (transactional(s, true).await?, s.consumer().await?, Mailbag::new(s));
    let start = Instant::now();
    let _open = half(s, &producer, &mut bag, 0).await?;
    s.drain(&consumer, &mut bag).await?;
    let asked = asked.lock().expect("asked");
    check(!asked.is_empty(), || "the message came though the checker was never asked".into())?;
    for view in asked.iter() {
        same(view, &bag.sent[view.message_id()], s.run.loose)?;
    }
    s.note(format!("asked {} times, delivered after {} ms", asked.len(), start.elapsed().as_millis()));
    Ok(())
}

/// A known key with another secret is turned away by name.
pub async fn wrong_secret(s: &Stage) -> Result<(), Fail> {
    let mut run = s.run.clone();
    run.secret_key.push('x');
    let stranger = Stage::new(run, s.scenario.clone());
    let refused = async {
        let producer = stranger.producer().await?;
        Mailbag::new(&stranger).send(&producer, s.letter(0)).await
    };
    match refused.await {
        Ok(_) => Err(Fail::Wrong("a message signed with a wrong secret was accepted".into())),
        Err(Fail::Wrong(text)) if text.to_uppercase().contains("UNAUTHORIZED") => Ok(()),
        Err(other) => Err(Fail::Wrong(format!("refused, but not as unauthorized: {other:?}"))),
    }
}
