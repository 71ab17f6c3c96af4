#!/usr/bin/python3
"""The same protocol with boto3: its table resource, connections kept alive, at most 16 of them.

usage: boto.py ENDPOINT
Each line on stdin is a run, answered by one line of JSON: {"seconds":,"cpu":,"rows":}; cpu is this process's, in seconds.
  append N IN-FLIGHT PREFIX    N commits, each by an UpdateItem on the counter and then a PutItem
  index                        all commits by the index, in order; their events parsed
  aggregate ID                 all commits of an aggregate, in order, likewise
"""
import itertools
import json
import sys
import threading
import time
from datetime import datetime, timezone

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config

resource = boto3.resource(
    "dynamodb", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="bench",
    aws_secret_access_key="bench", config=Config(max_pool_connections=16))
commits = resource.Table("commits")
counters = resource.Table("counters")


def append_one(aggregate_id):
    answer = counters.update_item(
        Key={"name": "commits"}, UpdateExpression="ADD #id :n", ExpressionAttributeNames={"#id": "id"},
        ExpressionAttributeValues={":n": 1}, ReturnValues="UPDATED_NEW")
    commits.put_item(
        Item={
            "aggregateId": aggregate_id,
            "version": 0,
            "commitId": answer["Attributes"]["id"],
            "committedAt": int(time.time() * 1000),
            "events": json.dumps([{"type": "accountCredited", "amount": 1234.56, "currency": "EUR",
                                   "by": "john@doe.com", "final": True}], separators=(",", ":")),
            "active": "t",
        },
        ConditionExpression=Attr("aggregateId").not_exists())


def append(n, in_flight, prefix):
    numbers = itertools.count()

    def work():
        for number in iter(lambda: next(numbers), None):
            if number >= int(n):
                return
            append_one(f"{prefix}{number}")

    threads = [threading.Thread(target=work) for _ in range(int(in_flight))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return int(n)


def read(**query):
    rows = 0
    total = 0
    query["ProjectionExpression"] = "aggregateId, version, commitId, committedAt, events"
    while True:
        page = commits.query(**query)
        for item in page["Items"]:
            events = json.loads(item["events"])
            committed_at = datetime.fromtimestamp(int(item["committedAt"]) / 1000, timezone.utc)
            total += len(item["aggregateId"]) + int(item["version"]) + int(item["commitId"]) + len(events)
            total += committed_at.year
            rows += 1
        if "LastEvaluatedKey" not in page:
            return rows
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


runs = {
    "append": append,
    "index": lambda: read(IndexName="byId", KeyConditionExpression=Key("active").eq("t")),
    "aggregate": lambda id: read(KeyConditionExpression=Key("aggregateId").eq(id), ConsistentRead=True),
}

for line in sys.stdin:
    name, *words = line.split()
    start = time.monotonic()
    cpu = time.process_time()
    count = runs[name](*words)
    seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "rows": count}), flush=True)
