// SPDX-License-Identifier: Apache-2.0
'use strict';

// One scenario under way: where it talks to, what it opened, what it sent and saw, what it noted for the report.

const { setTimeout: timer } = require('node:timers/promises');
const { ConsumeResult, Producer, PushConsumer, SimpleConsumer, FilterExpression } = require('rocketmq-client-nodejs');

// Milliseconds that a received message stays with its consumer unless a scenario is about that time.
const HOLD = 30000;

const sleep = (millis, options) => timer(millis, undefined, options);

// Milliseconds that a call may take on a machine that starves its client, so that no scenario is about the machine.
const PATIENCE = 20000;

// check fails the scenario with a text that says what was wrong.
function check(holds, text) {
  if (!holds) throw new Error(text);
}

const sorted = map => JSON.stringify([ ...map ].sort());

class Stage {
  constructor(run, scenario) {
    Object.assign(this, { run, ...scenario, notes: [], opened: [] });
    this.deadline = Date.now() + this.millis;
  }

  options(more) {
    const credentials = this.run.accessKey && { accessKey: this.run.accessKey, accessSecret: this.run.secretKey };
    return {
      endpoints: this.run.endpoint,
      namespace: '',
      requestTimeout: this.name.startsWith('steady') ? 3000 : PATIENCE, // a steady load is one of clients as they are
      sslEnabled: this.run.tls,
      ...(credentials ? { sessionCredentials: credentials } : {}),
      ...more,
    };
  }

  async start(client) {
    await client.startup();
    this.opened.push(client);
    return client;
  }

  // A producer announces its topic only where transactions need it.
  producer(checker) {
    return this.start(new Producer(this.options(checker ? { checker, topics: [ this.topic ] } : {})));
  }

  simple({ group = this.group, topic = this.topic, filter = FilterExpression.SUB_ALL } = {}) {
    return this.start(new SimpleConsumer(this.options({
      consumerGroup: group, subscriptions: new Map([[ topic, filter ]]), awaitDuration: this.run.awaitMillis,
    })));
  }

  // The listener says whether consumption succeeded.
  push(group, listen) {
    const consume = async view => (listen(view) ? ConsumeResult.SUCCESS : ConsumeResult.FAILURE);
    return this.start(new PushConsumer(this.options({
      consumerGroup: group, subscriptions: new Map([[ this.topic, FilterExpression.SUB_ALL ]]), messageListener: { consume },
    })));
  }

  async close() {
    await Promise.allSettled(this.opened.map(client => client.shutdown()));
  }

  inTime(what) {
    check(Date.now() < this.deadline, `deadline passed before ${what}`);
  }

  // Message number n of a scenario: a body that is no text, two keys, a tag and two properties.
  letter(n, more = {}, padding = 0) {
    const body = Buffer.concat([
      Buffer.from(`${this.run.name} ${this.name} ${n}\n`), Buffer.from([ 0, 255, 254, n ]), Buffer.alloc(padding),
    ]);
    const properties = new Map([[ 'n', String(n) ], [ 'note', 'grüße ✓ 日本' ], ...(more.properties ?? []) ]);
    return { topic: this.topic, body, tag: `tag${n % 3}`, keys: [ `key-${n}`, 'shared' ], ...more, properties };
  }

  // untilDone polls and hands each delivery to take, until take says that it has all or the deadline passes.
  async untilDone(consumer, most, take) {
    for (let done = false; !done;) {
      this.inTime('all messages came');
      for (const view of await consumer.receive(most, HOLD)) done = await take(view) || done;
    }
  }

  // drain receives, checks and acknowledges until everything in the bag has come.
  drain(consumer, bag, most = 16) {
    return this.untilDone(consumer, most, async view => {
      bag.check(view);
      await consumer.ack(view);
      return bag.complete();
    });
  }

  // nothing polls once and wants it empty.
  async nothing(consumer, why) {
    const got = await consumer.receive(16, HOLD);
    check(got.length === 0, `${why}, yet this came: ${got.map(v => v.messageId + ' attempt ' + v.deliveryAttempt)}`);
  }

  async until(what, ready) {
    while (!ready()) {
      this.inTime(what);
      await sleep(20);
    }
  }
}

// Mailbag remembers what was sent under which id, and which deliveries of it were seen.
class Mailbag {
  constructor(stage) {
    Object.assign(this, { loose: stage.run.loose, sent: new Map(), seen: new Map(), early: [], sending: 0, trouble: null });
  }

  // A delivery may overtake the answer to its send, so what comes meanwhile is checked afterwards.
  async send(producer, message, transaction) {
    this.sending++;
    try {
      const receipt = await producer.send(message, transaction);
      check(receipt.messageId, 'the receipt has no message id');
      this.sent.set(receipt.messageId, message);
      return receipt;
    } finally {
      this.sending--;
      if (this.sending === 0) this.early.splice(0).forEach(view => this.listened(view));
    }
  }

  // check compares a delivery with what was sent under its id and counts it.
  check(view) {
    const message = this.sent.get(view.messageId);
    check(message, `message ${view.messageId} was never sent`);
    this.saw(view);
    same(view, message, this.loose);
  }

  // listened is check for a listener, whose exceptions the client would swallow.
  listened(view) {
    if (this.sending > 0 && !this.sent.has(view.messageId)) {
      this.early.push(view);
      return;
    }
    try {
      this.check(view);
    } catch (error) {
      this.trouble = error;
    }
  }

  saw(view) {
    this.seen.set(view.messageId, [ ...this.attempts(view.messageId), view.deliveryAttempt ]);
  }

  attempts(id) {
    return this.seen.get(id) ?? [];
  }

  complete() {
    return this.seen.size === this.sent.size;
  }

  untroubled() {
    if (this.trouble) throw this.trouble;
  }

  // onceEach holds when every message that was sent came exactly once, as attempt 1.
  onceEach() {
    this.untroubled();
    for (const id of this.sent.keys()) {
      check(String(this.attempts(id)) === '1', `${id} came with attempts [${this.attempts(id)}], want [1]`);
    }
  }
}

// same compares all that a sender may set. A loose target may add properties of its own.
function same(view, message, loose) {
  check(view.body.equals(message.body), `body of ${view.messageId}: ${view.body.length} bytes, want ${message.body.length}, or other bytes`);
  check(!view.corrupted, 'the client found the digest wrong');
  check(view.topic === message.topic, `topic ${view.topic}, want ${message.topic}`);
  labelled(view, message);
  const properties = new Map([ ...view.properties ].filter(([ key ]) => !loose || message.properties.has(key)));
  check(sorted(properties) === sorted(message.properties), `properties ${sorted(properties)}, want ${sorted(message.properties)}`);
  check((view.messageGroup || undefined) === message.messageGroup, `message group ${view.messageGroup}, want ${message.messageGroup}`);
  check(Math.abs(Date.now() - view.bornTimestamp) < 600000, `born timestamp ${view.bornTimestamp} is not of this run`);
}

function labelled(view, message) {
  check(view.tag === message.tag, `tag ${view.tag}, want ${message.tag}`);
  check(String(view.keys) === String(message.keys), `keys ${view.keys}, want ${message.keys}`);
}

module.exports = { Stage, Mailbag, HOLD, PATIENCE, check, same, labelled, sleep };
