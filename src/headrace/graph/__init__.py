"""Parse flows, compile them into plans and execute plans. Independent of HTTP and of the database."""
