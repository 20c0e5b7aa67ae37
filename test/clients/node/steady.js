// SPDX-License-Identifier: Apache-2.0
'use strict';

const fs = require('node:fs');
const { HOLD, sleep } = require('./stage');

// Milliseconds between two messages of a producer.
const REST = 50;

const told = name => fs.existsSync(name);

// steady sends and receives until it is told to stop by a file of that name, and receives until it is told to end. Each thing that it does or
// sees is a line; the suite judges all of them together.
async function steady(s) {
  const fifo = s.name === 'steady-fifo';
  const tell = (what, n, began, error, attempt) => fs.writeSync(1, JSON.stringify({
    steady: s.run.name, scenario: s.name, what, n, error: error ? String(error) : '', began, ended: Date.now(), attempt: attempt ?? 0,
  }) + '\n');
  const producer = await s.producer();
  const number = view => Number(view.properties.get('n'));

  async function send() {
    for (let n = 0; !told('stop'); n++) {
      s.inTime('it was told to stop');
      const began = Date.now();
      let failed;
      try {
        await producer.send(s.letter(n, fifo ? { messageGroup: 'lane' } : {}));
      } catch (error) {
        failed = error;
      }
      tell('sent', n, began, failed);
      await sleep(REST);
    }
  }

  async function poll() {
    const consumer = await s.simple();
    while (!told('end')) {
      s.inTime('it was told to end');
      const began = Date.now();
      let got = [];
      try {
        got = await consumer.receive(8, HOLD);
      } catch (error) {
        tell('polled', 0, began, error);
        await sleep(REST);
      }
      for (const view of got) {
        tell('got', number(view), began, undefined, view.deliveryAttempt);
        for (let tries = 0, done = false; tries < 3 && !done; tries++) {
          const asked = Date.now();
          try {
            await consumer.ack(view);
            done = true;
          } catch (error) {
            tell('acked', number(view), asked, error);
          }
        }
      }
    }
  }

  async function listen() {
    await s.push(s.group, view => {
      tell('got', number(view), Date.now(), undefined, view.deliveryAttempt);
      return true;
    });
    await s.until('it was told to end', () => told('end'));
  }

  await Promise.all([ send(), fifo ? poll() : listen() ]);
}

module.exports = { steady };
