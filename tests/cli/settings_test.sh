#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Where settings come from, step by step; coir doctor; completion and the manual page.
. "$(dirname "$0")/support.sh"

# The order: --reactor of coir run, COIR_REACTOR, the user's file, the machine's, built in. Read by a
# program, which is the command itself.
effective() {
    run config --json
    check "$1: status $status" [ "$status" -eq 0 ]
    check "$1" json "j['reactor']['value'] == '$2' and j['reactor']['source'] == '$3'" "$work/out"
}
user=$XDG_CONFIG_HOME/coir/reactor
mkdir -p "$XDG_CONFIG_HOME/coir"
if [ ! -e /etc/coir/reactor ]; then
    effective 'nothing is set' epoll built-in
    if [ -w /etc ] && mkdir /etc/coir 2>/dev/null; then
        trap 'rm -rf /etc/coir "$work"' EXIT
        echo 'reactor = poll' >/etc/coir/reactor
        effective 'the machine has a file' poll 'system file'
    else
        skip 'the file of the machine: /etc is not ours to write to'
    fi
else
    skip 'the built-in choice: this machine has a recorded one'
fi
echo 'reactor = select-me-not' >"$user"
run config
check 'a file that cannot be followed is said to be' grep -q 'select-me-not' "$work/out"
echo 'reactor = poll' >"$user"
effective 'the user has a file' poll 'user file'
COIR_CONFIG="$work/own" effective 'COIR_CONFIG that is not there' epoll built-in
echo 'reactor = epoll' >"$work/own"
COIR_CONFIG="$work/own" effective 'COIR_CONFIG' epoll COIR_CONFIG
COIR_REACTOR=epoll effective 'the environment' epoll environment
COIR_REACTOR=auto effective 'COIR_REACTOR=auto is unset' poll 'user file'
COIR_REACTOR=epoll run config
check 'the file that is not followed' grep -q 'says poll, but COIR_REACTOR goes first' "$work/out"
check 'the variables' grep -q 'COIR_REACTOR  *epoll' "$work/out"
COIR_REACTOR=epoll run run --reactor poll -- "$coir" config --json
check 'the command line' json 'j["reactor"]["value"] == "poll"' "$work/out"
[ -d /etc/coir ] && [ -w /etc ] && rm -rf /etc/coir
trap 'rm -rf "$work"' EXIT

# Files that are none.
for kind in folder binary empty unreadable loop; do
    rm -rf "$user"
    case $kind in
        folder) mkdir "$user" ;;
        binary) head -c 1000 /dev/urandom >"$user" ;;
        empty) : >"$user" ;;
        unreadable) echo 'reactor = poll' >"$user" && chmod 0 "$user" ;;
        loop) ln -s reactor "$user" ;;
    esac
    [ $kind = unreadable ] && [ "$(id -u)" -eq 0 ] && continue
    effective "a file of the kind $kind" epoll built-in
done
rm -rf "$user"
COIR_REACTOR=junk run config
check "COIR_REACTOR=junk: status $status" [ "$status" -eq 3 ]
HOME='' XDG_CONFIG_HOME='' effective 'nobody has a home' epoll built-in

# coir doctor
run doctor --json
check "doctor: status $status" [ "$status" -le 1 ]
check 'doctor: the checks' json \
    'j["schema"] == "coir.doctor/1" and j["problem"] == any(c["level"] == "problem" for c in j["checks"]) and
     {"kernel", "reactor epoll", "open files", "automatic choice", "guarded stacks"} <=
        {c["what"] for c in j["checks"]} and
     all(c["found"] for c in j["checks"]) and
     all(c.get("advice") for c in j["checks"] if c["level"] == "problem" and "choice" not in c["what"])' "$work/out"
(
    ulimit -n 256
    "$coir" doctor >"$work/out" 2>"$work/err"
    echo $? >"$work/status"
)
check 'doctor: few descriptors are a problem' [ "$(cat "$work/status")" -eq 1 ]
check 'doctor: and what to do' grep -q 'LimitNOFILE=' "$work/out"
COIR_REACTOR=junk run doctor
check "doctor: no reactor can be had: status $status" [ "$status" -eq 1 ]

# The manual page, of which man says nothing.
run man
check 'man: the page' grep -q '^\.TH COIR 1' "$work/out"
if command -v man >/dev/null; then
    man --warnings -E UTF-8 -l -Tutf8 -Z "$work/out" >"$work/page" 2>"$work/err"
    check 'man: warnings' [ ! -s "$work/err" ]
fi

# Completion: scripts that shells take, and, in bash, what they offer.
for shell in bash zsh fish; do
    run completion $shell
    check "completion $shell: status $status" [ "$status" -eq 0 ]
    command -v $shell >/dev/null || continue
    case $shell in
        fish) check "completion $shell: syntax" fish --no-execute "$work/out" ;;
        *) check "completion $shell: syntax" $shell -n "$work/out" ;;
    esac
done
# offered_at LINE: leaves in $offered what is offered at the end of the line.
offered_at() {
    offered=$(bash -c '. /dev/stdin
        COMP_WORDS=($1)
        [[ $1 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _coir
        printf "%s\n" "${COMPREPLY[@]}"' sh "$1" <"$work/bash")
}
offers() {
    line=$1
    shift
    offered_at "$line"
    for word in "$@"; do
        check "completion of '$line' offers no $word" sh -c "printf '%s\n' '$offered' | grep -qx -- '$word'"
    done
}
offers_not() {
    line=$1
    shift
    offered_at "$line"
    for word in "$@"; do
        check "completion of '$line' offers $word" sh -c "! printf '%s\n' '$offered' | grep -qx -- '$word'"
    done
}
if command -v bash >/dev/null; then
    "$coir" completion bash >"$work/bash"
    offers 'coir ' reactors bench doctor --version
    offers 'coir be' bench
    offers 'coir bench ' compare echo all --rounds
    offers 'coir bench --reactor ' epoll io_uring poll
    offers 'coir bench echo --siz' --size
    offers 'coir bench compare --' --threshold --json --help
    offers 'coir pick --goal ' throughput p99 cpu memory
    offers 'coir pick --write ' user system
    offers 'coir bench --reactor epoll,' epoll,io_uring epoll,poll
    offers 'coir bench --reactor poll,io' poll,io_uring
    offers 'coir bench --reactor = ' epoll io_uring
    offers 'coir bench --reactor = epoll,po' epoll,poll
    offers 'coir bench --reactor=epoll,po' --reactor=epoll,poll
    offers 'coir run --legacy = all,st' all,stdio
    offers_not 'coir bench --reactor epoll,' epoll,epoll epoll
    offers_not 'coir run --legacy ' all stdio
    cd "$work" && : >a-file.json
    offers 'coir bench show a-f' a-file.json
    offers 'coir bench --output a-f' a-file.json
    check 'completion of a number offers something' sh -c \
        "bash -c '. $work/bash; COMP_WORDS=(coir bench --rounds \"\"); COMP_CWORD=3; _coir; [[ -z \${COMPREPLY[*]} ]]'"
else
    skip 'bash is needed to try its completion'
fi
finish
