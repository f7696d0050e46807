"""Sends generated hostile requests to a server and checks that it survives them.

`make fuzz` runs it; it is not part of `make test`. Every failure is printed with the seed that repeats it.
"""
