"""The pool of parsing processes: limits, cancellation, reuse and fairness."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psutil
import pytest

from headrace.limits.account import Account, current_account
from headrace.parsing.errors import InvalidInputError, ParserFailedError, ParsingLimitError
from headrace.parsing.limits import ParsingLimits
from headrace.parsing.parser import Parser, utf8
from headrace.parsing.parser_pool import ParserPool
from tests.support.waiting import until

pytestmark = pytest.mark.anyio

#: Input and arguments of a call that would take longer than any test.
ENDLESS_TEXT, ENDLESS_PATTERN = b"a" * 60 + b"b", "(a+)+$"
#: Each title contains the following ones, so that the result is quadratic.
NESTED_FEED = b"<rss>" + b"<item><title>0123456789" * 4000 + b"</title></item>" * 4000 + b"</rss>"
SLOW = ParsingLimits(cpu_seconds=60, regex_cpu_seconds=60)


@asynccontextmanager
async def pool(limits: ParsingLimits | None = None) -> AsyncIterator[ParserPool]:
    parsers = ParserPool(limits or ParsingLimits())
    try:
        yield parsers
    finally:
        await parsers.close()
    assert not parsing_processes()


def parsing_processes() -> list[psutil.Process]:
    children = [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]
    return [p for p in children if "headrace.parsing.child_main" in p.cmdline()]


async def matches(parser: Parser, pattern: str = "a+", text: bytes = b"aaa") -> bool:
    return (await parser.call("match_pattern", text, pattern=pattern)).value is True


async def eventually(condition: Callable[[], object]) -> None:
    await asyncio.to_thread(until, condition)


async def start_endless(parser: Parser) -> asyncio.Task[bool]:
    """Start a call that does not end, and return its task once a process works on it."""
    task = asyncio.create_task(matches(parser, ENDLESS_PATTERN, ENDLESS_TEXT))
    await eventually(lambda: any(sum(p.cpu_times()[:2]) > 0.2 for p in parsing_processes()))
    return task


async def test_processes_start_on_first_use_and_are_reused() -> None:
    async with pool() as parser:
        assert parsing_processes() == []
        assert await matches(parser)
        [process] = parsing_processes()
        assert not await matches(parser, "b")
        assert parsing_processes() == [process]


async def test_a_process_has_no_environment_of_the_server_and_a_low_priority() -> None:
    async with pool() as parser:
        await matches(parser)
        [process] = parsing_processes()
        assert set(process.environ()) == {"LANG"}
        assert process.nice() == psutil.Process().nice() + 10


async def test_a_call_that_exceeds_its_time_is_ended_and_the_next_one_works() -> None:
    async with pool(ParsingLimits(regex_cpu_seconds=0.2)) as parser:
        with pytest.raises(ParsingLimitError, match=r"longer than 0\.2 s .* HEADRACE_REGEX_CPU_SECONDS"):
            await matches(parser, ENDLESS_PATTERN, ENDLESS_TEXT)
        assert await matches(parser)
    async with pool(ParsingLimits(cpu_seconds=0.2)) as parser:
        with pytest.raises(ParsingLimitError, match="HEADRACE_PARSING_CPU_SECONDS"):
            await parser.call("read_page", b"<a" * 200_000, encoding="")


async def test_a_call_that_exceeds_the_memory_is_ended_and_the_next_one_works() -> None:
    async with pool(ParsingLimits(memory_mib=64, cpu_seconds=60)) as parser:
        with pytest.raises(ParsingLimitError, match=r"64 MiB of memory .* HEADRACE_PARSING_MEMORY_MIB"):
            await matches(parser, "(a|b)*c", b"a" * 5_000_000)
        assert await matches(parser)


async def test_a_call_with_a_large_result_fails() -> None:
    async with pool() as parser:
        with pytest.raises(ParsingLimitError, match="more than 16 MiB"):
            await parser.call("list_feed_entries", NESTED_FEED)
        with pytest.raises(ParsingLimitError, match="larger than 32 MiB"):
            await matches(parser, text=b"x" * (33 << 20))


async def test_invalid_input_fails_with_the_message_of_the_parser() -> None:
    async with pool() as parser:
        with pytest.raises(InvalidInputError, match="unterminated subpattern"):
            await matches(parser, "(a")
        with pytest.raises(InvalidInputError, match="not valid"):
            await matches(parser, "\ud800")
        outline = (await parser.call("outline_source", utf8("x = '\\ud800'"), statements=True)).value
        assert outline["statements"] == [["assign", [["x", ["other"]]]]]


async def test_a_cancelled_call_ends_its_process_and_frees_its_slot() -> None:
    async with pool(ParsingLimits(processes=1, regex_cpu_seconds=60)) as parser:
        task = await start_endless(parser)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await matches(parser)
        await eventually(lambda: len(parsing_processes()) == 1)


async def test_a_process_that_dies_fails_its_call_alone() -> None:
    async with pool(SLOW) as parser:
        task = await start_endless(parser)
        parsing_processes()[0].kill()
        with pytest.raises(ParserFailedError, match="ended unexpectedly"):
            await task
        assert await matches(parser)
        # An idle process that has died is replaced.
        [idle] = parsing_processes()
        idle.kill()
        await eventually(lambda: not psutil.pid_exists(idle.pid))
        assert await matches(parser)


async def test_idle_processes_are_stopped() -> None:
    async with pool(ParsingLimits(idle_seconds=0.2)) as parser:
        await asyncio.gather(matches(parser), matches(parser))
        assert parsing_processes()
        await eventually(lambda: not parsing_processes())
        assert await matches(parser)


async def test_a_process_is_replaced_after_many_calls() -> None:
    async with pool() as parser:
        await matches(parser)
        [first] = parsing_processes()
        for _ in range(500):
            assert await matches(parser)
        await eventually(lambda: first not in parsing_processes())


async def test_an_account_does_not_occupy_all_processes() -> None:
    async def attack() -> None:
        current_account.set(Account("mallory"))
        await matches(parser, ENDLESS_PATTERN, ENDLESS_TEXT)

    async with pool(SLOW) as parser:
        attacks = [asyncio.create_task(attack()) for _ in range(20)]
        await eventually(lambda: len(parsing_processes()) == 4)
        current_account.set(Account("bob"))
        assert await matches(parser)
        assert not any(task.done() for task in attacks)
        for task in attacks:
            task.cancel()
        await asyncio.gather(*attacks, return_exceptions=True)


async def test_a_call_from_another_event_loop_works() -> None:
    async with pool() as parser:
        assert await matches(parser)
        assert await asyncio.to_thread(lambda: asyncio.run(matches(parser)))


def test_processes_end_with_the_server() -> None:
    script = (
        "import asyncio, os, signal, psutil\n"
        "from headrace.parsing.limits import ParsingLimits\n"
        "from headrace.parsing.parser_pool import ParserPool\n"
        "async def main():\n"
        "    parser = ParserPool(ParsingLimits())\n"
        "    await parser.call('match_pattern', b'a', pattern='a')\n"
        "    print(psutil.Process().children()[0].pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False)
    until(lambda: not psutil.pid_exists(int(ended.stdout)))
