"""The protocol between the server and a worker process: frames, values, object references and class descriptions."""
