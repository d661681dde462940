# trailscraper: everything in the logs, as one policy. $1 is its program, $2 the archive.
set -eu
"$1" select --log-dir "$2" --from 2000-01-01 --to 2100-01-01 | "$1" generate | grep -c '"[a-z0-9-]*:[A-Z]'
