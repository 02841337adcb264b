"""A task of longhaul's that is an async function of yours. Copy this file beside your program; it needs Python 3.8 and nothing else.

    import asyncio
    from longhaul import run

    async def io_task(x):
        await asyncio.sleep(1)
        return int(x) * 2

    run(io_task)

    longhaul run numbers.txt --output doubled.txt --concurrency 100 --pipe=async -- python3 doubled.py

x is a record: a string, or what a JSON record holds. What io_task returns is its result, anything that json.dumps takes; a string is text.
It is called for as many records at once as --concurrency says, in one event loop. An exception fails the record:

    Retryable, and what run(..., retryable=...) names   this record failed this time: tried again
    Transient, OSError, asyncio.TimeoutError, and what  the far side failed: tried again, and when it happens to many records in a
        run(..., transient=...) names                   row, the job waits
    any other                                           for good

A task whose time is out is cancelled, as asyncio cancels. What is printed goes to standard error. The protocol is docs/pipe.md.
"""

import asyncio
import contextvars
import functools
import json
import os
import sys
import threading

__all__ = ["run", "Retryable", "Transient", "record_number", "idempotency_key"]


class Retryable(Exception):
    """This record failed this time. after: how many seconds the next try should wait at least."""

    def __init__(self, message="", after=0):
        super().__init__(message)
        self.after = after


class Transient(Retryable):
    """The far side failed, as with a connection refused or HTTP 503."""


_question = contextvars.ContextVar("question")


def record_number():
    """The number of the record that the calling task has in hand, from 0."""
    return _question.get()["record"]


def idempotency_key():
    """A key that is the same for each try of the record, after a crash too."""
    return _question.get()["key"]


def run(io_task, using=None, retryable=(), transient=()):
    """Answer longhaul's questions with io_task until there are no more.

    using is a function that returns an async context manager, such as aiohttp.ClientSession: it is entered once, before the first
    record, and io_task is called with its value as the second argument. retryable and transient are classes of exceptions.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # print() must not write among the answers
    sys.stdout = sys.stderr
    asyncio.run(_Program(io_task, answers, tuple(retryable), tuple(transient)).serve(using))


class _Program:
    def __init__(self, io_task, answers, retryable, transient):
        self.io_task, self.answers = io_task, answers
        self.retryable = (Retryable,) + retryable
        self.transient = (Transient, OSError, asyncio.TimeoutError) + transient
        self.tasks = {}
        self.unwritten = []

    async def serve(self, using):
        self.loop = asyncio.get_running_loop()
        self.end = self.loop.create_future()
        if using is None:
            return await self.work(())
        async with using() as value:
            await self.work((value,))

    async def work(self, args):
        self.args = args
        threading.Thread(target=self.read, daemon=True).start()
        await self.end
        while self.tasks:
            await asyncio.wait(list(self.tasks.values()))
        self.write()

    def read(self):
        """Read the questions, in a thread of its own."""
        for line in sys.stdin.buffer:
            self.loop.call_soon_threadsafe(self.asked, json.loads(line))
        self.loop.call_soon_threadsafe(self.end.set_result, None)

    def asked(self, question):
        if "cancel" in question:
            task = self.tasks.get(question["cancel"])
            if task is not None:
                task.cancel()
        else:
            task = self.tasks[question["id"]] = self.loop.create_task(self.do(question))
            task.add_done_callback(functools.partial(self.done, question["id"]))

    async def do(self, question):
        """Return the line that answers a question. It may never begin: a task that is cancelled at once does not."""
        _question.set(question)
        answer = {"id": question["id"]}
        try:
            answer["output"] = await self.io_task(question["input"], *self.args)
            return json.dumps(answer, allow_nan=False)
        except Exception as e:
            return json.dumps(self.failure(question["id"], e))

    def done(self, id, task):
        del self.tasks[id]
        if task.cancelled():
            line = json.dumps({"id": id, "error": "cancelled", "retryable": True})
        else:
            line = task.result()
        if not self.unwritten:
            self.loop.call_soon(self.write)  # together with all that end in this round of the loop
        self.unwritten.append(line)

    def failure(self, id, e):
        own = isinstance(e, Retryable)
        answer = {"id": id, "error": str(e) if own else "%s: %s" % (type(e).__name__, e)}
        if isinstance(e, self.transient):
            answer["transient"] = True
        elif isinstance(e, self.retryable):
            answer["retryable"] = True
        if own and e.after:
            answer["after"] = e.after
        return answer

    def write(self):
        if self.unwritten:
            lines, self.unwritten = self.unwritten, []
            self.answers.write(("\n".join(lines) + "\n").encode())
            self.answers.flush()
