"""Writes an archive in which one role reads many distinct keys of one bucket.

    many-keys.py KEYS DIRECTORY

Keys are spread over prefixes of very different size, some three segments deep, some with none.
"""

import gzip
import json
import pathlib
import sys

PER_FILE = 50_000


def key(number):
    if number % 5 == 0:
        return f"{number:x}"
    return f"year={2000 + number % 7}/part={number % 1013}/{number:032x}.parquet"


def record(number):
    bucket, name = "many-keys", key(number)
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:loader",
            "arn": "arn:aws:sts::111122223333:assumed-role/loader/loader",
            "accountId": "111122223333",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLE",
                    "arn": "arn:aws:iam::111122223333:role/loader",
                    "accountId": "111122223333",
                    "userName": "loader",
                }
            },
        },
        "eventTime": f"2026-03-{1 + number % 28:02}T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.7",
        "requestParameters": {"bucketName": bucket, "key": name},
        "responseElements": None,
        "eventID": f"00000000-0000-4000-8000-{number:012x}",
        "readOnly": True,
        "resources": [
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{name}"},
            {"accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"},
        ],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    }


def main():
    keys, out = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True)
    for start in range(0, keys, PER_FILE):
        records = (json.dumps(record(n)) for n in range(start, min(start + PER_FILE, keys)))
        with gzip.open(out / f"{start:09}.json.gz", "wt", compresslevel=1) as file:
            file.write('{"Records":[' + ",".join(records) + "]}")


main()
