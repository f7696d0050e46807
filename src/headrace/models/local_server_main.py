"""Serve a GGUF file in a child process, which exits when its standard input closes, as it does when the parent exits."""

import json
import os
import sys

#: Limit in addition to the number of cores less one. All threads of the model wait for the slowest one, so answers take
#: several times as long if another process occupies the core of one thread.
MAX_THREADS = 2
CONTEXT_TOKENS = 4096


def serve(path: str) -> None:
    """Serve the model at `path` on loopback, print its URL as JSON, and exit at the end of standard input."""
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = path
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.cpuparams.n_threads = max(1, min(MAX_THREADS, (os.cpu_count() or 1) - 1))
    params.warmup = False
    server = Server(params)
    sys.stdout.write(json.dumps({"url": server.listening_address}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
