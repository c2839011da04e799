# The everyday commands. `just` alone lists them; without just, `./dev` knows the first three.

_list:
    @just --list

# Install what is missing, build, and run the demonstration
demo:
    ./dev demo

# Run all the tests
test *ARGS:
    ./dev test {{ ARGS }}

# Exactly what CI runs
check:
    .ci/run

# Measure whole processes beside what does the same without wheelmark, and write the figures
perf *ARGS:
    cargo build --release --bin wheelmark
    cargo build --release -p wheelmark-tests --example hash
    tests/perf/run.py --markdown docs/performance.md {{ ARGS }}

# Measure verification inside the process, beside the bare libraries
bench *ARGS:
    cargo bench -p wheelmark-tests --bench verify -- {{ ARGS }}
