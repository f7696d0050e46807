"""The main function of a parsing process: reads requests from standard input and writes responses to standard output.

The processor time of a call is limited by a timer of the kernel, whose signal ends the process even inside a C function.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from headrace.parsing.errors import InvalidInputError, MissingParserError
from headrace.parsing.frames import PREFIX, encode_frame
from headrace.parsing.limits import MAX_RESULT_BYTES
from headrace.parsing.operations import OPERATIONS

#: The priority of the process. The server itself goes first if processors are scarce.
NICENESS = 10
#: Calls after which a process ends, so that fragmented memory does not accumulate.
MAX_CALLS = 500
#: Resident memory above which a process ends after a call, as a part of its memory limit.
MAX_RESIDENT_PART = 0.5
_MAX_OPEN_FILES = 64


def main() -> None:
    """Serve requests until standard input is closed."""
    memory_mib = int(sys.argv[1])
    _limit_resources(memory_mib)
    os.nice(NICENESS)
    requests = os.fdopen(0, "rb")
    responses = _reserve_stdout()
    max_resident_bytes = int((memory_mib << 20) * MAX_RESIDENT_PART)
    for number in range(1, MAX_CALLS + 1):
        if not _serve(requests, responses, is_last=number == MAX_CALLS, max_resident_bytes=max_resident_bytes):
            return


def _limit_resources(memory_mib: int) -> None:
    limits = {
        resource.RLIMIT_AS: memory_mib << 20,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _MAX_OPEN_FILES,
    }
    for kind, limit in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (value, value))


def _reserve_stdout() -> BinaryIO:
    """Return the pipe to the server. Whatever a library prints goes nowhere."""
    pipe = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return os.fdopen(pipe, "wb", buffering=0)


def _serve(requests: BinaryIO, responses: BinaryIO, *, is_last: bool, max_resident_bytes: int) -> bool:
    """Answer one request and return whether the process continues."""
    prefix = requests.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        return False
    header_size, body_size = PREFIX.unpack(prefix)
    request = orjson.loads(requests.read(header_size))
    header, body = _call(request, requests.read(body_size))
    last = is_last or "limit" in header or _resident_bytes() > max_resident_bytes
    frame = memoryview(encode_frame({**header, "last": last}, body))
    while frame:
        frame = frame[responses.write(frame) :]
    return not last


def _resident_bytes() -> int:
    """Return the resident memory of the process, or 0 if the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except FileNotFoundError:
        return 0
    return pages * resource.getpagesize()


def _call(request: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """Return header and body of the response to a request."""
    signal.setitimer(signal.ITIMER_PROF, request["cpu_seconds"])
    try:
        value, text = OPERATIONS[request["operation"]].load()(body, **request["args"])
        result = text.encode("utf-8", "replace")
        is_too_large = len(result) + len(orjson.dumps(value)) > MAX_RESULT_BYTES
    except InvalidInputError as error:
        return {"invalid": error.message}, b""
    except MissingParserError as error:
        return {"missing": error.message}, b""
    except MemoryError:
        return {"limit": "memory"}, b""
    except RecursionError:
        return {"limit": "nesting"}, b""
    except Exception:
        return {"failed": traceback.format_exc(limit=-5)[-4000:]}, b""
    else:
        return ({"limit": "result"}, b"") if is_too_large else ({"value": value}, result)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
