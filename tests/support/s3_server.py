"""Run a server with an S3-compatible API on loopback."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "langflow-bucket"


@dataclass(frozen=True)
class S3:
    """Environment variables that select the server, and a client to inspect its objects."""

    environment: dict[str, str]
    client: Any

    def make_bucket(self) -> None:
        self.client.create_bucket(Bucket=BUCKET)

    def drop_bucket(self) -> None:
        for key in self.held():
            self.client.delete_object(Bucket=BUCKET, Key=key)
        self.client.delete_bucket(Bucket=BUCKET)

    def held(self) -> list[str]:
        return [item["Key"] for item in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def unfinished(self) -> list[Any]:
        return list(self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))


@contextlib.contextmanager
def s3_server() -> Iterator[S3]:
    """Serve S3 with one empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
    client = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    s3 = S3(environment, client)
    s3.make_bucket()
    try:
        yield s3
    finally:
        server.stop()
