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

# Fuzz every reader for a number of seconds each (needs a nightly compiler)
fuzz SECONDS="60":
    fuzz/run {{ SECONDS }}
