"""Tries keys at an S3 server, from where they will be used.

Runs as `python3 -c` in a pod of the Platform's fetching image, which brings boto3. It reads the
environment of a connection and a bucket from its input as JSON, so that no key is in a command
line, and answers in one line of JSON.
"""

import json
import sys
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SECONDS = 10
"""Until a server that does not answer is given up."""


def tried(env: dict[str, str], bucket: str) -> dict[str, Any]:
    """What the keys open: the bucket, or the names of those that they may list."""
    once = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 1})
    s3 = boto3.client(
        "s3",
        endpoint_url=env.get("AWS_ENDPOINT_URL"),
        region_name=env.get("AWS_DEFAULT_REGION"),
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        config=once,
    )
    try:
        if bucket:
            s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
            return {"buckets": [bucket]}
        return {"buckets": [each["Name"] for each in s3.list_buckets().get("Buckets", [])]}
    except (BotoCoreError, ClientError) as error:
        return {"error": str(error)}


if __name__ == "__main__":
    asked = json.loads(sys.stdin.readline())
    print(json.dumps(tried(asked["env"], asked["bucket"])), flush=True)
