"""DuckDB: distinct (principal, event source, event name, ARN) of an archive, counted.

Two formulations; the faster one is the peer. `read_json(columns=...)` is many times slower and no
fair baseline.
"""

import sys

import duckdb

# A file is one JSON value, and may be large.
FILES = "read_json_objects('{root}/**/*.json.gz', format='unstructured', maximum_object_size=268435456)"

SHAPE = """{"Records":[{"eventSource":"VARCHAR","eventName":"VARCHAR",
"userIdentity":{"arn":"VARCHAR","sessionContext":{"sessionIssuer":{"arn":"VARCHAR"}}},
"resources":[{"ARN":"VARCHAR"}]}]}"""

FORMULATIONS = {
    "transform": """
        WITH records AS (SELECT unnest(from_json(json, '{shape}').Records) AS r FROM {files}),
        rows AS (SELECT DISTINCT
            coalesce(r.userIdentity.sessionContext.sessionIssuer.arn, r.userIdentity.arn) AS principal,
            r.eventSource, r.eventName,
            unnest(coalesce(nullif(list_transform(r.resources, lambda x: x.ARN), []), [NULL])) AS arn
            FROM records)
        SELECT count(*) FROM rows WHERE principal IS NOT NULL""",
    "paths": """
        WITH records AS (SELECT unnest(json->'$.Records[*]') AS r FROM {files}),
        fields AS (SELECT json_extract_string(r, ['$.userIdentity.sessionContext.sessionIssuer.arn',
            '$.userIdentity.arn', '$.eventSource', '$.eventName']) AS f,
            json_extract_string(r, '$.resources[*].ARN') AS arns FROM records),
        rows AS (SELECT DISTINCT coalesce(f[1], f[2]) AS principal, f[3], f[4],
            unnest(coalesce(nullif(arns, []), [NULL])) AS arn FROM fields)
        SELECT count(*) FROM rows WHERE principal IS NOT NULL""",
}

formulation, root, threads = sys.argv[1:]
database = duckdb.connect(config={"threads": int(threads)})
query = FORMULATIONS[formulation].format(files=FILES.format(root=root), shape=SHAPE)
print(database.execute(query).fetchone()[0])
