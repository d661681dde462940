"""Plain Python with orjson: distinct (principal, event source, event name, ARN), counted."""

import gzip
import pathlib
import sys

import orjson


def principal(record):
    identity = record.get("userIdentity") or {}
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    return issuer.get("arn") or identity.get("arn")


rows = set()
for path in pathlib.Path(sys.argv[1]).rglob("*.json.gz"):
    for record in orjson.loads(gzip.decompress(path.read_bytes()))["Records"]:
        who = principal(record)
        if who is None:
            continue
        for resource in record.get("resources") or [{}]:
            rows.add((who, record["eventSource"], record["eventName"], resource.get("ARN")))
print(len(rows))
