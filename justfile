# What a maintainer runs. `just` lists the recipes.

_default:
    @just --list

# Everything CI checks
check:
    bash .ci/run

# The tests alone
test:
    cargo test --workspace

# Fetch the pinned packages again and rewrite the catalog's data files
catalog *ARGS:
    cargo run --release -p trailtrim-catalog-refresh -- {{ARGS}}

# Measure the catalog: every figure, or the lists behind one (naming, shapes, rebuild, denials, reference)
accuracy *TOPIC:
    cargo run --quiet --release -p trailtrim-catalog-accuracy -- {{TOPIC}}
