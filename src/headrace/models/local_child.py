"""The child process that serves a GGUF file. Ends when its standard input does: with its parent."""

import json
import os
import sys

#: At most so many, and one core less than there are: threads of the model that wait for a core that something else
#: has keep all of them waiting, and answers take several times as long.
THREADS = 2
CONTEXT_TOKENS = 4096


def serve(path: str) -> None:
    """Serve the model at `path` on loopback, print its address, and wait for the end of input."""
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = path
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.cpuparams.n_threads = max(1, min(THREADS, (os.cpu_count() or 1) - 1))
    params.warmup = False
    server = Server(params)
    sys.stdout.write(json.dumps({"url": server.listening_address}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
