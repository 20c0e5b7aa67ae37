// SPDX-License-Identifier: Apache-2.0
'use strict';

// Scenarios about how messages are received.

const { FilterExpression } = require('rocketmq-client-nodejs');
const { FilterType } = require('rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb');
const { Mailbag, HOLD, PATIENCE, check, sleep } = require('./stage');

const GROUPS = 3;
const DEPTH = 5;

// Order holds the next number that each message group has to deliver.
class Order {
  constructor() {
    this.next = new Map();
    this.left = GROUPS * DEPTH;
  }

  // settled takes one delivery that is done with and says whether it was the last.
  settled(view) {
    const want = this.next.get(view.messageGroup) ?? 0;
    const got = view.properties.get('seq');
    check(got === String(want), `group ${view.messageGroup} delivered number ${got}, want ${want}`);
    this.next.set(view.messageGroup, want + 1);
    return --this.left === 0;
  }
}

// Each message group keeps its order; a message that failed comes again before any later one of its group. A push consumer
// of a second group then reads everything without failures.
async function fifo(s) {
  const producer = await s.producer();
  const consumer = await s.simple();
  const bag = new Mailbag(s);
  for (let seq = 0; seq < DEPTH; seq++) {
    for (let group = 0; group < GROUPS; group++) {
      const more = { messageGroup: `group-${group}`, properties: [[ 'seq', String(seq) ]] };
      await bag.send(producer, s.letter(seq * GROUPS + group, more));
    }
  }
  await fifoSimple(s, consumer, bag);
  const order = new Order();
  let done = false;
  await s.push(s.watch, view => {
    bag.listened(view);
    try {
      done = order.settled(view) || done;
    } catch (error) {
      bag.trouble = error;
    }
    return true;
  });
  await s.until('the push consumer had all ordered messages', () => done || bag.trouble);
  bag.untroubled();
}

// fifoSimple reads one at a time until the failed message has come again, then in batches.
async function fifoSimple(s, consumer, bag) {
  const order = new Order();
  let failed;
  let most = 1;
  for (let last = false; !last;) {
    s.inTime('all ordered messages came');
    for (const view of await consumer.receive(most, HOLD)) {
      bag.check(view);
      if (!failed) {
        failed = view.messageId;
        await consumer.changeInvisibleDuration(view, 1000);
        continue;
      }
      if (view.messageId === failed) {
        check(view.deliveryAttempt === 2, `the failed message came again as attempt ${view.deliveryAttempt}, want 2`);
        most = 16;
      }
      last = order.settled(view);
      await consumer.ack(view);
    }
  }
}

// An empty poll ends in time, a parked poll is woken by a send, a batch is no larger than asked, acknowledged is gone.
async function simpleConsumer(s) {
  const producer = await s.producer();
  const consumer = await s.simple();
  const bag = new Mailbag(s);
  let start = Date.now();
  await s.nothing(consumer, 'the topic is empty');
  check(Date.now() - start < s.run.awaitMillis + PATIENCE, `an empty poll took ${Date.now() - start} ms, asked were ${s.run.awaitMillis}`);
  for (let again = 0; ; again++) {
    const parked = consumer.receive(3, HOLD);
    await sleep(s.run.awaitMillis / 4);
    start = Date.now();
    await bag.send(producer, s.letter(100 + again));
    const sent = Date.now() - start;
    const woken = await parked;
    if (woken.length === 0 && sent > s.run.awaitMillis / 2 && again < 3) {
      const late = await consumer.receive(3, HOLD); // on a machine this slow the poll was over before the message was there
      check(late.length === 1, `${late.length} messages came after the one that was sent`);
      bag.check(late[0]);
      await consumer.ack(late[0]);
      continue;
    }
    s.notes.push(`parked poll answered ${Date.now() - start} ms after the send began`);
    check(woken.length === 1, `a parked poll got ${woken.length} messages, want the one that was sent meanwhile, in ${sent} ms`);
    bag.check(woken[0]);
    await consumer.ack(woken[0]);
    break;
  }
  for (let n = 1; n <= 10; n++) await bag.send(producer, s.letter(n));
  while (!bag.complete()) {
    s.inTime('all messages came');
    const got = await consumer.receive(3, HOLD);
    check(got.length <= 3, `asked for 3 messages, got ${got.length}`);
    for (const view of got) {
      bag.check(view);
      await consumer.ack(view);
    }
  }
  bag.onceEach();
  await s.nothing(consumer, 'everything was acknowledged');
}

// Everything comes once, but for one message that failed and comes again; then nothing is left.
async function pushConsumer(s) {
  const producer = await s.producer();
  const bag = new Mailbag(s);
  await s.push(s.group, view => {
    bag.listened(view);
    return !(view.properties.get('n') === '5' && view.deliveryAttempt === 1);
  });
  let failing;
  for (let n = 0; n < 24; n++) {
    const { messageId } = await bag.send(producer, s.letter(n));
    if (n === 5) failing = messageId;
  }
  await s.until('all messages and the failed one\'s second attempt came',
    () => bag.trouble || bag.complete() && bag.attempts(failing).length >= 2);
  bag.untroubled();
  await s.nothing(await s.simple(), 'the push consumer took everything');
  check(String(bag.attempts(failing)) === '1,2', `the failed message came as attempts [${bag.attempts(failing)}], want [1,2]`);
}

function tagFilter(s) {
  return filtered(s, new FilterExpression('red || blue'), n => {
    const tag = [ 'red', 'green', 'blue' ][n % 3];
    return { message: s.letter(n, { tag }), matches: tag !== 'green' };
  });
}

function sqlFilter(s) {
  const where = 'price > 5 AND region IN (\'north\', \'east\') AND note IS NOT NULL';
  return filtered(s, new FilterExpression(where, FilterType.SQL), n => {
    const region = [ 'north', 'south', 'east' ][n % 3];
    const message = s.letter(n, { properties: [[ 'price', String(n) ], [ 'region', region ]] });
    return { message, matches: n > 5 && region !== 'south' };
  });
}

// filtered sends twelve messages and wants exactly those that match; the last one sent matches.
async function filtered(s, filter, shape) {
  const producer = await s.producer();
  const consumer = await s.simple({ filter });
  const matching = new Mailbag(s);
  const other = new Mailbag(s);
  for (let n = 0; n < 12; n++) {
    const { message, matches } = shape(n);
    await (matches ? matching : other).send(producer, message);
  }
  await s.drain(consumer, matching);
  await s.nothing(consumer, 'all matching messages have come');
}

module.exports = { fifo, simpleConsumer, pushConsumer, tagFilter, sqlFilter };
