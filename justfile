# What a maintainer runs. `just` lists the recipes.

_default:
    @just --list

# Everything CI checks
check:
    bash .ci/run

# The tests alone
test:
    cargo test --workspace

# The tests that take minutes unoptimised, and that `just test` therefore lists as ignored
laws:
    cargo test --workspace --profile laws --test tests --test tightening -- --ignored

# Property tests on cases drawn afresh, as often as is said: each time with another seed, which it prints
explore TIMES="5":
    #!/usr/bin/env bash
    set -euo pipefail
    for ((i = 0; i < {{TIMES}}; i++)); do
        export PROPTEST_RNG_SEED=$((RANDOM << 15 | RANDOM))
        echo "PROPTEST_RNG_SEED=$PROPTEST_RNG_SEED"
        cargo test --quiet --workspace --profile laws --no-fail-fast
    done

# Write golden files and the pages of commands and findings anew, after a look at the difference
bless:
    TRAILTRIM_BLESS=1 cargo test --test tests -- golden the_command_line_reference
    TRAILTRIM_BLESS=1 cargo test -p trailtrim-emitter --lib -- the_page_of_findings

# Fetch the pinned packages again and rewrite the catalog's data files
catalog *ARGS:
    cargo run --release -p trailtrim-catalog-refresh -- {{ARGS}}

# Measure the catalog: every figure, or the lists behind one (naming, names, dependents, brought, shapes, rebuild, denials, reference)
accuracy *TOPIC:
    cargo run --quiet --release -p trailtrim-catalog-accuracy -- {{TOPIC}}

# Measure the whole against its limit and its peers; `--smoke` does it in little
bench *ARGS:
    python3 benches/suite/run.py {{ARGS}}

# Look for a file that the fast road reads otherwise than the general one
fuzz SECONDS="600":
    #!/usr/bin/env bash
    set -euo pipefail
    # What `cargo fuzz` passes, less the sanitizers: these flags are stable.
    export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
    cargo build --release --locked --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --target "$(rustc -vV | sed -n 's/host: //p')"
    mkdir -p target/fuzz/found
    target/fuzz/*/release/roads -max_total_time={{SECONDS}} -dict=fuzz/records.dict -max_len=8192 -artifact_prefix=target/fuzz/ target/fuzz/found fuzz/seeds
