# zcat, jq and sort: distinct (principal, event source, event name, ARN), counted.
set -eu
find "$1" -name '*.json.gz' -print0 | xargs -0 zcat | jq -r '.Records[]
  | (.userIdentity.sessionContext.sessionIssuer.arn // .userIdentity.arn) as $who
  | select($who)
  | . as $record
  | (.resources // [{}])[]
  | [$who, $record.eventSource, $record.eventName, .ARN] | @tsv' | LC_ALL=C sort -u | wc -l
