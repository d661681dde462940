# What a maintainer runs. `just` lists the recipes.

_default:
    @just --list

# Everything CI checks
check:
    bash .ci/run

# The tests alone
test:
    cargo test --workspace
