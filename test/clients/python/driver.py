# SPDX-License-Identifier: Apache-2.0
"""Drives the official Python client through the conformance scenarios; see ../README.md for the job and the results."""

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import receiving
import retrying
import sending
import steady
from stage import Stage

PLAYS = {
    "normal": sending.normal,
    "delay": sending.delay,
    "recall": sending.recall,
    "transaction-commit": sending.transaction_commit,
    "transaction-rollback": sending.transaction_rollback,
    "transaction-checkback": sending.transaction_checkback,
    "wrong-secret": sending.wrong_secret,
    "fifo": receiving.fifo,
    "simple-consumer": receiving.simple_consumer,
    "push-consumer": receiving.push_consumer,
    "tag-filter": receiving.tag_filter,
    "sql-filter": receiving.sql_filter,
    "retry-to-dead-letter": retrying.retry_to_dead_letter,
    "invisible-time-change": retrying.invisible_time_change,
    "shared-group": retrying.shared_group,
    "steady": steady.steady,
    "steady-fifo": steady.steady,
}


def play(stage):
    """Plays one scenario in a thread of its own; a call into the client that hangs is left behind."""
    outcome = {}

    def guarded():
        try:
            PLAYS[stage.name](stage)
            outcome["result"] = "pass"
        except Exception as error:  # whatever it is, it is the scenario's result
            outcome["detail"] = f"{type(error).__name__}: {error}"

    start = time.monotonic()
    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(stage.seconds + 5)
    if thread.is_alive():
        outcome = {"detail": "a call into the client did not return within the deadline"}
    return {
        "run": stage.run["name"],
        "scenario": stage.name,
        "result": outcome.get("result", "fail"),
        "millis": int((time.monotonic() - start) * 1000),
        "detail": outcome.get("detail", ", ".join(stage.notes)),
    }


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    stages = [Stage(run, scenario) for run in job["runs"] for scenario in run["scenarios"]]
    printing = threading.Lock()

    def one(stage):
        result = play(stage)
        with printing:
            print(json.dumps(result), flush=True)

    with ThreadPoolExecutor(max_workers=len(stages)) as pool:
        list(pool.map(one, stages))
    closing = threading.Thread(target=lambda: [stage.close() for stage in stages], daemon=True)
    closing.start()
    closing.join(3)
    os._exit(0)  # the client's own threads are no daemons


if __name__ == "__main__":
    main()
