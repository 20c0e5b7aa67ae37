// SPDX-License-Identifier: Apache-2.0
'use strict';

// Drives the official Node.js client through the conformance scenarios; see ../README.md for the job and the results.

const fs = require('node:fs');
const sending = require('./sending');
const receiving = require('./receiving');
const retrying = require('./retrying');
const { steady } = require('./steady');
const { Stage, sleep } = require('./stage');

const plays = {
  normal: sending.normal,
  delay: sending.delay,
  recall: sending.recall,
  'transaction-commit': sending.transactionCommit,
  'transaction-rollback': sending.transactionRollback,
  'transaction-checkback': sending.transactionCheckback,
  'wrong-secret': sending.wrongSecret,
  fifo: receiving.fifo,
  'simple-consumer': receiving.simpleConsumer,
  'push-consumer': receiving.pushConsumer,
  'tag-filter': receiving.tagFilter,
  'sql-filter': receiving.sqlFilter,
  'retry-to-dead-letter': retrying.retryToDeadLetter,
  'invisible-time-change': retrying.invisibleTimeChange,
  'shared-group': retrying.sharedGroup,
  steady,
  'steady-fifo': steady,
};

// play runs one scenario; a call into the client that hangs is left behind a few seconds after the deadline.
async function play(stage) {
  const start = Date.now();
  const hung = sleep(stage.millis + 5000, { ref: false })
    .then(() => { throw new Error('a call into the client did not return within the deadline'); });
  let result = 'pass';
  let detail;
  try {
    await Promise.race([ plays[stage.name](stage), hung ]);
    detail = stage.notes.join(', ');
  } catch (error) {
    result = 'fail';
    detail = `${error}${error.cause ? ' cause: ' + error.cause : ''}`;
  }
  return { run: stage.run.name, scenario: stage.name, result, millis: Date.now() - start, detail };
}

async function main() {
  const job = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
  const stages = job.runs.flatMap(run => run.scenarios.map(scenario => new Stage(run, scenario)));
  await Promise.all(stages.map(async stage => {
    fs.writeSync(1, JSON.stringify(await play(stage)) + '\n');
  }));
  await Promise.race([ Promise.allSettled(stages.map(stage => stage.close())), sleep(3000) ]);
  process.exit(0);
}

// What the client throws outside of any call would end the process and every other scenario with it.
process.on('unhandledRejection', error => console.error('unhandled rejection in the client:', error));
process.on('uncaughtException', error => console.error('uncaught exception in the client:', error));

main();
