"""Parse untrusted input in child processes that can be killed.

Parsers of source code, HTML, XML and regular expressions have inputs for which they need quadratic or exponential time and
memory. A thread cannot be stopped and holds Python's global lock, so these parsers run in the processes of `parser_pool`, with limits on
processor time, memory and size. `operations` lists the functions that the processes offer.
"""
