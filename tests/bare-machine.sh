#!/usr/bin/env bash
# Shows that `./dev demo` and `./dev test` work on a bare machine: a fresh Debian (or Ubuntu) that has
# git, Rust, Python 3 and nothing else.
#
#   tests/bare-machine.sh RELEASE FOLDER [CASE…]      e.g. tests/bare-machine.sh bookworm /var/tmp/bare
#
# Each case starts from the same fresh system, clones the last commit of this repository into it (not
# what lies uncommitted in the working tree) and runs:
#
#   root       ./dev demo, as root
#   sudo       ./dev demo, as a plain user who has sudo
#   neither    ./dev demo, as a plain user without sudo: has to end with what to ask an administrator
#              for; an administrator does exactly that, and then it has to work
#   root-test  ./dev test, as root
#   sudo-test  ./dev test, as a plain user who has sudo
#
# Without a case: root, sudo, neither. Needs root, debootstrap and a Rust toolchain on PATH, which is
# shown to the bare machine read-only. FOLDER is kept, so that a second run starts sooner; it takes
# some GB. MIRROR names another mirror for debootstrap, DEBOOTSTRAP_OPTIONS are further ones for it: for a
# release of Ubuntu --components=main,universe, as Ubuntu's own installer has it.
#
# The bare machine is a mount namespace and a process namespace of their own with the folder as root
# (pivot_root, since a chroot cannot make the user namespaces that bubblewrap needs). It shares the
# network and the kernel with this one, and is given this machine's certificate authorities, resolver
# and apt settings of the network, as any machine in this place would have them.
set -euo pipefail

release=${1:?usage: tests/bare-machine.sh RELEASE FOLDER [CASE…]}
folder=${2:?usage: tests/bare-machine.sh RELEASE FOLDER [CASE…]}
shift 2
repository=$(cd "$(dirname "$0")/.." && pwd)
toolchain=$(rustc --print sysroot)
authorities=/etc/ssl/certs/ca-certificates.crt

say() { printf '\n== %s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "needs root"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
case $folder/ in "$repository"/*) fail "the folder must be outside of the repository" ;; esac

fresh=$folder/$release

# A fresh system with git and Python, once for all the cases.
fresh_system() {
    [ ! -e "$fresh.ready" ] || return 0
    say "debootstrap $release into $fresh"
    rm -rf "$fresh"
    # shellcheck disable=SC2086 # several options
    debootstrap --variant=minbase --include=git,python3,ca-certificates ${DEBOOTSTRAP_OPTIONS-} \
        "$release" "$fresh" ${MIRROR:+"$MIRROR"} >"$folder/debootstrap.log" 2>&1 ||
        { tail -n 20 "$folder/debootstrap.log" >&2; fail "debootstrap failed"; }
    touch "$fresh.ready"
}

# Makes FOLDER/case, a machine that nothing has run on yet, with a repository of a user's to clone.
machine() { # user
    root=$folder/case
    rm -rf "$root"
    cp -a --reflink=auto "$fresh" "$root"
    mkdir -p "$root/opt/rust"
    cp "$authorities" "$root$authorities"
    cp --dereference /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump | grep -E '^Acquire::(Check-|Retries|http|https|ForceIPv)' \
        >"$root/etc/apt/apt.conf.d/90network" || true
    git clone --quiet --bare --no-hardlinks "$repository" "$root/srv/wheelmark.git"
    inside root useradd --create-home --shell /bin/bash plain
    inside root chown -R "$1" /srv/wheelmark.git # git reads no repository of somebody else's
}

# Runs a command as a user of the bare machine, in the user's home, with nothing of our environment
# but the names of the certificate authorities, for the clients that have lists of their own.
inside() { # user, command…
    local user=$1 home=/root
    shift
    [ "$user" = root ] || home=/home/$user
    # shellcheck disable=SC2016 # expanded inside
    unshare --mount --pid --uts --ipc --fork --kill-child --propagation private bash -eu -c '
        root=$1 toolchain=$2 user=$3 home=$4 authorities=$5
        shift 5
        hostname bare
        mount --bind "$root" "$root"
        cd "$root"
        mount --bind -o ro "$toolchain" opt/rust
        mount -t proc proc proc
        mount --rbind /sys sys
        mount --rbind /dev dev
        mount -t tmpfs -o mode=1777 tmpfs dev/shm
        pivot_root . mnt
        umount --lazy /mnt
        cd "$home"
        exec setpriv --reuid "$user" --regid "$user" --init-groups env --ignore-environment \
            HOME="$home" USER="$user" LOGNAME="$user" TERM=dumb LANG=C.UTF-8 \
            PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            SSL_CERT_FILE="$authorities" CARGO_HTTP_CAINFO="$authorities" \
            GIT_SSL_CAINFO="$authorities" PIP_CERT="$authorities" \
            "$@"' bare-machine "$root" "$toolchain" "$user" "$home" "$authorities" "$@" </dev/null
}

# As inside(), shows the command first and how long it took after.
shown() { # user, command
    local begin status=0
    begin=$(date +%s)
    say "as $1: $2"
    inside "$1" bash -c "$2" || status=$?
    printf -- '-- exit %s after %s s\n' "$status" "$(($(date +%s) - begin))"
    return $status
}

with_sudo() {
    inside root sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends sudo >/dev/null 2>&1 &&
        echo "plain ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/plain'
}

clone='git clone --quiet file:///srv/wheelmark.git wheelmark && cd wheelmark'

run_case() {
    say "case $1 on a fresh $release"
    case $1 in
        root | root-test) machine root ;;
        *) machine plain ;;
    esac
    case $1 in
        root)
            shown root "$clone && ./dev demo"
            say 'once more, now that everything is there'
            shown root 'cd wheelmark && ./dev demo >/dev/null'
            ;;
        root-test) shown root "$clone && ./dev test" ;;
        sudo)
            with_sudo
            shown plain "$clone && ./dev demo"
            ;;
        sudo-test)
            with_sudo
            shown plain "$clone && ./dev test"
            ;;
        neither)
            shown plain "$clone"
            if shown plain 'cd wheelmark && ./dev demo 2>&1 | tee said; exit ${PIPESTATUS[0]}'; then
                fail "it should have asked for an administrator"
            fi
            asked=$(sed -n 's/^hint: ask an administrator to run: //p' "$root/home/plain/wheelmark/said")
            [ -n "$asked" ] || fail "it does not say what to ask an administrator for"
            shown root "export DEBIAN_FRONTEND=noninteractive; ($asked) >/dev/null 2>&1"
            shown plain 'cd wheelmark && ./dev demo'
            ;;
        *) fail "no such case: $1" ;;
    esac
}

main() {
    [ $# -gt 0 ] || set -- root sudo neither
    doing=
    trap '[ -z "$doing" ] || printf "\n== FAILED on %s: %s\n" "$release" "$doing"' EXIT
    fresh_system
    say "Rust from $toolchain: $(rustc --version); $(git -C "$repository" log -1 --format='commit %h')"
    for name in "$@"; do
        # Not `run_case … || fail`: in such a list the shell would no longer stop at the first failure.
        doing=$name
        run_case "$name"
    done
    doing=
    rm -rf "$folder/case"
    say "all held on $release: $*"
}

main "$@"; exit # one line: the file may be edited while it runs
