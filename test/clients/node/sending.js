// SPDX-License-Identifier: Apache-2.0
'use strict';

// Scenarios about what a producer may ask for.

const { TransactionResolution } = require('rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb');
const { Mailbag, check, same } = require('./stage');

// Bodies, tags, keys and properties arrive as they were sent, the largest one being 256 KiB.
async function normal(s) {
  const producer = await s.producer();
  const consumer = await s.simple();
  const bag = new Mailbag(s);
  for (let n = 0; n < 12; n++) await bag.send(producer, s.letter(n, {}, n === 11 ? 256 << 10 : 0));
  await s.drain(consumer, bag);
  bag.onceEach();
}

// A message stays away until its time.
async function delay(s) {
  const producer = await s.producer();
  const consumer = await s.simple();
  const bag = new Mailbag(s);
  const due = new Date(Date.now() + 4000);
  await bag.send(producer, s.letter(0, { deliveryTimestamp: due }));
  await s.untilDone(consumer, 16, async view => {
    const late = Date.now() - due;
    check(late >= -s.run.earlyMillis, `came ${-late} ms before its time`);
    check(Number(view.deliveryTimestamp) === Number(due), `delivery timestamp ${view.deliveryTimestamp}, want ${due}`);
    bag.check(view);
    await consumer.ack(view);
    s.notes.push(`${late} ms after its time`);
    return true;
  });
}

// A recalled message never comes, one that was due after it does.
async function recall(s) {
  const producer = await s.producer();
  const consumer = await s.simple();
  const bag = new Mailbag(s);
  const now = Date.now();
  const gone = await producer.send(s.letter(0, { deliveryTimestamp: new Date(now + 20000) }));
  check(gone.recallHandle, 'the receipt of a delayed message has no recall handle');
  await bag.send(producer, s.letter(1, { deliveryTimestamp: new Date(now + 22000) }));
  const { messageId } = await producer.recallMessage(s.topic, gone.recallHandle);
  check(messageId === gone.messageId, `recall answered id ${messageId}, want ${gone.messageId}`);
  await s.drain(consumer, bag);
  await s.nothing(consumer, 'all that was left has come');
}

// transactional opens a producer whose checker gives one answer and remembers what it was asked, and a consumer.
async function transactional(s, answer = TransactionResolution.TRANSACTION_RESOLUTION_UNSPECIFIED) {
  const asked = [];
  const checker = {
    async check(view) {
      asked.push(view);
      return answer;
    },
  };
  return { producer: await s.producer(checker), consumer: await s.simple(), bag: new Mailbag(s), asked };
}

// half sends a message under a transaction that is still open.
async function half(s, producer, bag, n) {
  const transaction = producer.beginTransaction();
  await bag.send(producer, s.letter(n), transaction);
  return transaction;
}

async function transactionCommit(s) {
  const { producer, consumer, bag } = await transactional(s);
  const transaction = await half(s, producer, bag, 0);
  await s.nothing(consumer, 'the transaction is open');
  await transaction.commit();
  await s.drain(consumer, bag);
}

// The rolled back message never comes, one that was committed after it does.
async function transactionRollback(s) {
  const { producer, consumer, bag } = await transactional(s);
  await (await half(s, producer, new Mailbag(s), 0)).rollback();
  await (await half(s, producer, bag, 1)).commit();
  await s.drain(consumer, bag);
  await s.nothing(consumer, 'the other transaction was rolled back');
}

// Nobody ends the transaction, so the server asks, and the checker's answer counts.
async function transactionCheckback(s) {
  const { producer, consumer, bag, asked } = await transactional(s, TransactionResolution.COMMIT);
  const start = Date.now();
  await half(s, producer, bag, 0);
  await s.drain(consumer, bag);
  check(asked.length > 0, 'the message came though the checker was never asked');
  asked.forEach(view => same(view, bag.sent.get(view.messageId), bag.loose));
  s.notes.push(`asked ${asked.length} times, delivered after ${Date.now() - start} ms`);
}

// A known key with another secret is turned away by name.
async function wrongSecret(s) {
  s.run = { ...s.run, secretKey: s.run.secretKey + 'x' };
  let refused;
  try {
    await (await s.producer()).send(s.letter(0));
  } catch (error) {
    refused = error;
  }
  check(refused, 'a message signed with a wrong secret was accepted');
  check(/Unauthorized|40100/i.test(`${refused} ${refused.cause} ${refused.code}`), `refused, but not as unauthorized: ${refused}`);
}

module.exports = { normal, delay, recall, transactionCommit, transactionRollback, transactionCheckback, wrongSecret };
