"""A pool of parsing processes that accounts share fairly."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Any

from headrace.limits.account import current_account
from headrace.limits.fair_slots import FairSlots
from headrace.parsing.errors import (
    InvalidInputError,
    MissingParserError,
    ParserFailedError,
    ParsingLimitError,
)
from headrace.parsing.frames import encode_frame
from headrace.parsing.limits import MAX_INPUT_BYTES, MAX_RESULT_BYTES, ParsingLimits
from headrace.parsing.operations import OPERATIONS, Operation
from headrace.parsing.parser import Parsed
from headrace.parsing.process import ParsingProcess, ProcessEndedError

log = logging.getLogger(__name__)

#: Time limit of a call by the clock: a number of seconds, and a multiple of its processor time. It is reached only if
#: processors are scarce, since the processes have a low priority.
CLOCK_SECONDS, CLOCK_FACTOR = 30, 10
#: Signals by which C code ends a process when it gets no memory.
_MEMORY_SIGNALS = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS}


class ParserPool:
    """Runs operations in child processes, which start on first use and stop when they are idle."""

    def __init__(self, limits: ParsingLimits) -> None:
        """Create a pool without processes."""
        self._limits = limits
        self._slots = FairSlots(limits.processes)
        #: Idle processes, the most recently used last, each with the timer that stops it.
        self._idle: list[tuple[ParsingProcess, asyncio.TimerHandle]] = []
        #: All processes that may not have ended.
        self._processes: set[ParsingProcess] = set()
        #: The loop that the processes belong to: that of the first call.
        self._loop: asyncio.AbstractEventLoop | None = None

    async def call(self, operation: str, body: bytes = b"", **args: object) -> Parsed:
        """Run an operation in a process; see `Parser.call`."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            # For example a component's plain method, whose coroutines run on a loop of their own.
            call = self._call(operation, body, args)
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._loop))
        return await self._call(operation, body, args)

    async def _call(self, name: str, body: bytes, args: dict[str, Any]) -> Parsed:
        operation = OPERATIONS[name]
        account = current_account.get()
        await self._slots.acquire(account)
        try:
            header, result = await self._run(operation, _encode_request(name, operation, self._limits, body, args))
        finally:
            self._slots.release(account)
        return _parsed(operation, header, result, self._limits)

    async def _run(self, operation: Operation, request: bytes) -> tuple[dict[str, Any], bytes]:
        """Send a request to a process and return the response. The process is killed unless it has answered."""
        cpu_seconds = _cpu_seconds(operation, self._limits)
        clock_seconds = CLOCK_SECONDS + CLOCK_FACTOR * cpu_seconds
        process = await self._take()
        is_reusable = False
        try:
            async with asyncio.timeout(clock_seconds):
                response = await process.call(request)
            is_reusable = not process.is_finished
        except TimeoutError as error:
            raise ParsingLimitError(
                f"{operation.subject} was not parsed within {clock_seconds:g} s, because the machine is busy. "
                "Try again later."
            ) from error
        except ProcessEndedError as error:
            raise _explain(operation, error, self._limits) from error
        finally:
            if is_reusable:
                self._put_back(process)
            elif not process.is_finished:
                process.kill()
        return response

    async def _take(self) -> ParsingProcess:
        """Return an idle process, or start one."""
        while self._idle:
            process, timer = self._idle.pop()
            timer.cancel()
            if not process.ended:
                return process
        process = await ParsingProcess.start(self._limits.memory_mib)
        self._processes = {p for p in self._processes if not p.ended} | {process}
        return process

    def _put_back(self, process: ParsingProcess) -> None:
        timer = asyncio.get_running_loop().call_later(self._limits.idle_seconds, self._stop_idle, process)
        self._idle.append((process, timer))

    def _stop_idle(self, process: ParsingProcess) -> None:
        self._idle = [(other, timer) for other, timer in self._idle if other is not process]
        process.kill()

    async def close(self) -> None:
        """Stop all processes. Calls in progress fail."""
        for _, timer in self._idle:
            timer.cancel()
        self._idle.clear()
        for process in self._processes:
            process.kill()
        await asyncio.gather(*(process.wait() for process in self._processes))
        self._processes.clear()
        self._loop = None


def _cpu_seconds(operation: Operation, limits: ParsingLimits) -> float:
    return limits.cpu_seconds if operation.limit == "cpu_seconds" else limits.regex_cpu_seconds


def _encode_request(name: str, operation: Operation, limits: ParsingLimits, body: bytes, args: dict[str, Any]) -> bytes:
    """Return the frame of a request.

    Raises:
        InvalidInputError: a text has characters that are not valid Unicode.
        ParsingLimitError: the input is too large.

    """
    header = {"operation": name, "args": args, "cpu_seconds": _cpu_seconds(operation, limits)}
    try:
        request = encode_frame(header, body)
    except TypeError as error:
        raise InvalidInputError(f"{operation.subject} is not valid: {error}.") from error
    if len(request) > MAX_INPUT_BYTES:
        raise ParsingLimitError(f"{operation.subject} is larger than {MAX_INPUT_BYTES >> 20} MiB. Split it.")
    return request


def _explain(operation: Operation, error: ProcessEndedError, limits: ParsingLimits) -> Exception:
    """Return the error for a process that ended before it answered."""
    if error.by_signal == signal.SIGPROF:
        return ParsingLimitError(
            f"{operation.subject} takes longer than {_cpu_seconds(operation, limits):g} s of processor time to parse. Simplify it. An operator "
            f"can raise HEADRACE_{'PARSING' if operation.limit == 'cpu_seconds' else 'REGEX'}_CPU_SECONDS."
        )
    if error.by_signal in _MEMORY_SIGNALS:
        log.warning("a parsing process ended with %s in the operation %s", error.by_signal.name, operation.function)
        return ParsingLimitError(f"{operation.subject} {_limit_problem('memory', limits)}")
    log.error("a parsing process ended unexpectedly in the operation %s: %s", operation.function, error)
    return ParserFailedError(f"{operation.subject} cannot be parsed: the parser ended unexpectedly.")


def _limit_problem(limit: str, limits: ParsingLimits) -> str:
    """Return the end of an error message: the limit, and the remedy."""
    return {
        "memory": f"needs more than {limits.memory_mib} MiB of memory to parse. Simplify it. An operator can raise "
        "HEADRACE_PARSING_MEMORY_MIB.",
        "nesting": "is nested too deeply. Simplify it.",
        "result": f"has a result of more than {MAX_RESULT_BYTES >> 20} MiB. Split it.",
    }[limit]


def _parsed(operation: Operation, header: dict[str, Any], body: bytes, limits: ParsingLimits) -> Parsed:
    """Return the result in a response.

    Raises:
        HeadraceError: the response states an error.

    """
    if "value" in header:
        return Parsed(header["value"], body.decode())
    if "invalid" in header:
        raise InvalidInputError(header["invalid"])
    if "missing" in header:
        raise MissingParserError(header["missing"])
    if "limit" in header:
        raise ParsingLimitError(f"{operation.subject} {_limit_problem(header['limit'], limits)}")
    log.error("the operation %s failed: %s", operation.function, header["failed"])
    raise ParserFailedError(
        f"{operation.subject} cannot be parsed, because the parser failed. The server's log has details."
    )
