#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Files of results: what bench writes, show, compare and report read again.
. "$(dirname "$0")/support.sh"

# One that is as it should be.
good=$work/good.json
run bench switch echo --rounds 5 --seconds 0.01 --connections 2 --reactor epoll,poll --output "$good"
check "bench --output: status $status" [ "$status" -eq 0 ]
cp "$work/out" "$work/tables"
check 'the file' json 'j["schema"] == "coir.bench/1" and len(j["cases"]) == 3' "$good"
check 'no other file is left' [ "$(ls "$work" | grep -c good)" -eq 1 ]
run bench show "$good"
check 'show prints the same tables' cmp -s "$work/tables" "$work/out"
run bench show --wide "$good"
check 'show --wide prints more' grep -q 'load CPU/op' "$work/out"

# Compared with itself, with one that is slower, and with one that is faster.
slower=$work/slower.json
faster=$work/faster.json
if command -v python3 >/dev/null; then
    for file in slower faster; do
        python3 - "$good" "$work/$file.json" $file <<'EOF'
import json, sys
j = json.load(open(sys.argv[1]))
for case in j["cases"]:
    better = (case["better"] == "higher") == (sys.argv[3] == "faster")
    for series in case["series"]:
        if series["kind"] == "reactor":
            # Without spread, so that the interval is narrow.
            value = series["median"] * (2 if better else 0.5)
            series["rounds"]["value"] = [value] * len(series["rounds"]["value"])
json.dump(j, open(sys.argv[2], "w"))
EOF
    done
    python3 - "$good" <<'EOF'
import json, sys
j = json.load(open(sys.argv[1]))
for case in j["cases"]:
    for series in case["series"]:
        if "rounds" in series:
            series["rounds"]["value"] = [series["median"]] * len(series["rounds"]["value"])
json.dump(j, open(sys.argv[1], "w"))
EOF
    run bench compare "$good" "$good"
    check "compare with itself: status $status" [ "$status" -eq 0 ]
    check 'the verdict' grep -q 'same within noise' "$work/out"
    run bench compare "$good" "$slower"
    check "compare with a slower one: status $status" [ "$status" -eq 4 ]
    run bench compare --json "$good" "$slower"
    check 'what is slower' json \
        'j["schema"] == "coir.compare/1" and j["regressed"] and
         {s["name"] for s in j["series"] if s["verdict"] == "slower"} == {"epoll", "poll"} and
         all(abs(s["speed"] - 0.5) < 0.01 for s in j["series"] if s["name"] == "epoll")' "$work/out"
    run bench compare --threshold 150 "$good" "$slower"
    check "within the threshold: status $status" [ "$status" -eq 0 ]
    check 'the verdict' grep -q 'slower, within the threshold' "$work/out"
    run bench compare "$good" "$faster"
    check "compare with a faster one: status $status" [ "$status" -eq 0 ]
    check 'the verdict' grep -q ' better ' "$work/out"
    sed 's/"fingerprint": "/&another /' "$good" >"$work/elsewhere.json"
    run bench compare "$good" "$work/elsewhere.json"
    check 'another machine is warned of' grep -q 'warning: the machine differs' "$work/out"
else
    skip 'python3 is needed to change figures'
fi

# Latency distributions.
run bench report "$good" --hgrm "$work/distributions"
check "report --hgrm: status $status" [ "$status" -eq 0 ]
check 'the distributions' [ -s "$work/distributions/echo-2-connections-epoll.hgrm" ]
check 'their end' grep -q '^#\[Max ' "$work/distributions/echo-2-connections-poll.hgrm"
# Pages.
run bench report "$good" --html
check "report --html: status $status" [ "$status" -eq 0 ]
check 'a page' grep -q '^<!DOCTYPE html>' "$work/out"
run bench report "$good" "$good" --html -o "$work/page.html"
check "report --html --output: status $status" [ "$status" -eq 0 ]
check 'nothing on stdout' [ ! -s "$work/out" ]
check 'the files have names' grep -qF "Run B</strong> is $good:" "$work/page.html"
refused 1 'cannot be written' bench report "$good" --html --output /proc/nowhere/page.html
refused 2 'takes --html or --hgrm FOLDER' bench report "$good"
refused 2 'takes --html or --hgrm FOLDER' bench report "$good" --html --hgrm x
refused 2 '--output belongs to --html' bench report "$good" --hgrm "$work/d" --output x
refused 1 'cannot be written' bench report "$good" --hgrm /proc/nowhere

refused 2 "--hgrm takes a folder, got ''" bench report "$good" --hgrm ''
refused 2 "a file's name is needed, got ''" bench report "$good" --html -o ''
refused 2 "a file's name is needed, got ''" bench switch -o ''

# Files that are not.
bad=$work/bad.json
refused 2 'No such file or directory' bench show "$work/none.json"
refused 2 'it is a directory' bench show "$work"
: >"$bad"
refused 2 'is no file of `coir bench --json`' bench show "$bad"
head -c 4096 /dev/urandom >"$bad"
refused 2 'is no file of' bench show "$bad"
for text in 'null' '[]' '{}' '{"schema": "coir.pick/1"}' '{"schema": 7}' '"text"'; do
    printf '%s' "$text" >"$bad"
    refused 2 'bad.json' bench show "$bad"
done
printf '{"schema": "coir.bench/1"}' >"$bad"
refused 2 'is no whole file of' bench show "$bad"
size=$(wc -c <"$good")
for part in 2 3 5; do
    head -c $((size - size / part)) "$good" >"$bad"
    refused 2 'is no file of' bench compare "$good" "$bad"
done
if command -v python3 >/dev/null; then
    # Every field in turn is missing, or of another type: refused in one line, or shown; no crash.
    if python3 - "$coir" "$good" "$bad" >"$work/out" 2>"$work/err" <<'EOF'
import copy, json, subprocess, sys
coir, good, bad = sys.argv[1:]
j = json.load(open(good))
j["cases"] = j["cases"][:1] + j["cases"][-1:]
for case in j["cases"]:
    case["series"] = case["series"][:2]
    for series in case["series"]:
        if "latency" in series:
            series["latency"] = series["latency"][:2]
def paths(value, path=()):
    if isinstance(value, dict):
        for key in value:
            yield path + (key,)
            yield from paths(value[key], path + (key,))
    elif isinstance(value, list):
        for i in range(len(value)):
            yield path + (i,)
            yield from paths(value[i], path + (i,))
for path in paths(j):
    for change in ("drop", None, "text", {}, -1):
        k = copy.deepcopy(j)
        at = k
        for step in path[:-1]:
            at = at[step]
        if change == "drop":
            del at[path[-1]]
        else:
            at[path[-1]] = change
        json.dump(k, open(bad, "w"))
        done = subprocess.run([coir, "bench", "show", bad], capture_output=True, timeout=10)
        assert done.returncode in (0, 2), (path, change, done)
        assert done.returncode == 0 or done.stderr.count(b"\n") == 1, (path, change, done)
EOF
    then pass; else fail 'a file with one wrong field'; fi
fi

# Where nothing can be written, nothing is measured; and nothing is left when writing fails.
refused 1 'cannot be written' bench switch --output /proc/nowhere/result.json
refused 1 'it is not a regular file' bench switch --output /dev/full
refused 1 'cannot be written' bench switch --output "$work"
mkfifo "$work/fifo"
refused 1 'it is not a regular file' bench switch --output "$work/fifo"
finish
