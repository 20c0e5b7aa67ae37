// SPDX-License-Identifier: Apache-2.0
'use strict';

// Scenarios about messages that come again, and about who gets them.

const { Mailbag, HOLD, check, labelled, sleep } = require('./stage');

// A message that always fails comes three times, then lies in the group's dead letters as it was sent.
async function retryToDeadLetter(s) {
  const producer = await s.producer();
  const bag = new Mailbag(s);
  await s.push(s.group, view => {
    bag.listened(view);
    return false;
  });
  const message = s.letter(0);
  const { messageId } = await bag.send(producer, message);
  const dead = await firstDeadLetter(s);
  bag.untroubled();
  check(String(bag.attempts(messageId)) === '1,2,3', `dead-lettered after attempts [${bag.attempts(messageId)}], want [1,2,3]`);
  check(dead.body.equals(message.body), `dead letter has ${dead.body.length} bytes, want ${message.body.length}, or other bytes`);
  labelled(dead, message);
  for (const [ key, want ] of message.properties) {
    check(dead.properties.get(key) === want, `dead letter has property ${key} = ${dead.properties.get(key)}, want ${want}`);
  }
}

// firstDeadLetter reads the group's dead letters with another group. The topic may appear only with its first message.
async function firstDeadLetter(s) {
  let consumer;
  while (!consumer) {
    try {
      consumer = await s.simple({ group: s.watch, topic: '%DLQ%' + s.group });
    } catch (error) {
      s.inTime(`the dead-letter topic could be read: ${error}`);
      await sleep(500);
    }
  }
  let dead;
  await s.untilDone(consumer, 16, async view => {
    dead = view;
    await consumer.ack(view);
    return true;
  });
  return dead;
}

// Shortened, a message comes again at once; prolonged, it stays away; its newest handle acknowledges it.
async function invisibleTimeChange(s) {
  const producer = await s.producer();
  const consumer = await s.simple();
  const bag = new Mailbag(s);
  await bag.send(producer, s.letter(0));
  await consumer.changeInvisibleDuration(await nextOne(s, consumer, bag, HOLD, 1), 1000);
  const start = Date.now();
  const view = await nextOne(s, consumer, bag, s.run.holdMillis, 2);
  const took = Date.now() - start;
  check(took < HOLD / 2, `shortened to 1 s, came again only after ${took} ms`);
  s.notes.push(`back after ${took} ms`);
  await consumer.changeInvisibleDuration(view, HOLD);
  for (const prolonged = Date.now(); Date.now() - prolonged < s.run.holdMillis + 2000;) {
    await s.nothing(consumer, 'its invisible time was prolonged');
  }
  await consumer.ack(view);
  await s.nothing(consumer, 'it was acknowledged');
}

// nextOne waits for the only message there is and wants it as this attempt.
async function nextOne(s, consumer, bag, held, attempt) {
  for (;;) {
    s.inTime(`attempt ${attempt} came`);
    for (const view of await consumer.receive(1, held)) {
      bag.check(view);
      check(view.deliveryAttempt === attempt, `came as attempt ${view.deliveryAttempt}, want ${attempt}`);
      return view;
    }
  }
}

// Two push consumers of one group share the messages; each message comes once in all.
async function sharedGroup(s) {
  const producer = await s.producer();
  const bag = new Mailbag(s);
  const shares = [ new Mailbag(s), new Mailbag(s) ];
  for (const mine of shares) {
    await s.push(s.group, view => {
      bag.listened(view);
      mine.saw(view);
      return true;
    });
  }
  let sent = 0;
  for (; sent < 40 || shares.some(mine => mine.seen.size < 3); sent++) {
    s.inTime(`both consumers had a share: ${shares.map(mine => mine.seen.size)} of ${sent}`);
    await bag.send(producer, s.letter(sent % 256));
    await sleep(50);
  }
  await s.until('every message came', () => bag.trouble || bag.complete());
  bag.onceEach();
  s.notes.push(`${shares[0].seen.size} and ${shares[1].seen.size} of ${sent}`);
}

module.exports = { retryToDeadLetter, invisibleTimeChange, sharedGroup };
