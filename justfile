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

# Show that a fresh Debian is enough (root and debootstrap needed; the folder outside of the repository)
bare-machine RELEASE FOLDER *CASES:
    tests/bare-machine.sh {{ RELEASE }} {{ FOLDER }} {{ CASES }}

# The main job on all ten real projects
real:
    WHEELMARK_REAL=all cargo test --package wheelmark-tests --test loop_real

# Verify the whole lock of a large real project under `policy init`'s result, twice
real-lock:
    WHEELMARK_REAL=all cargo test --package wheelmark-tests --test real_lock

# Fuzz every reader for a number of seconds each (needs a nightly compiler)
fuzz SECONDS="60":
    fuzz/run {{ SECONDS }}

# Measure whole processes beside what does the same without wheelmark, and write the figures
perf *ARGS:
    cargo build --release --bin wheelmark
    cargo build --release -p wheelmark-tests --example hash
    tests/perf/run.py --markdown docs/performance.md {{ ARGS }}

# Measure verification beside other verifiers, and beside its arithmetic, and write the figures; FOLDER keeps
# the others' environment
perf-peers FOLDER *ARGS:
    cargo build --release --bins
    cargo build --release -p wheelmark-tests --example arithmetic
    tests/perf/peers.py {{ FOLDER }} --markdown docs/performance.md {{ ARGS }}

# Measure a lock of 400 files beside hashing them and their signatures, and write the figures; FOLDER has the wheels
# (`tests/wheels/survey.py --keep FOLDER` gathers them)
perf-lock FOLDER *ARGS:
    cargo build --release --bins
    cargo build --release -p wheelmark-tests --example bare_wheels --example read_wheels --example sign_wheels
    tests/perf/lock.py {{ FOLDER }} --markdown docs/performance.md {{ ARGS }}

# Measure a policy as it grows, beside OPA (`--opa PROGRAM`; Go installs it), and write the figures
perf-policy *ARGS:
    cargo build --release --bin wheelmark
    tests/perf/policy.py --markdown docs/performance.md {{ ARGS }}

# Hold verdicts beside those of other verifiers; FOLDER keeps their environment
differential FOLDER *ARGS:
    cargo build --release --bins
    tests/differential.py {{ FOLDER }} {{ ARGS }}

# Hold the VSAs that `verify` writes against slsa-verifier, which FOLDER keeps (Go builds it, once)
verify-vsa FOLDER:
    cargo build --release --bin wheelmark
    tests/verify_vsa.py {{ FOLDER }}

# Measure inside the process: `verify` beside the bare libraries, or `policy` as it grows
bench NAME="verify" *ARGS:
    cargo bench -p wheelmark-tests --bench {{ NAME }} -- {{ ARGS }}

# Build a probe with every release of every build backend, and write what their wheels show; FOLDER keeps the environments
fingerprints FOLDER *ARGS:
    tests/fingerprints.py {{ FOLDER }} {{ ARGS }}
