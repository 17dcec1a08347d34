#!/bin/sh
# Runs the programs that the offline coder writes: their own tests and their work on real tables. Needs python3; node and rustc where they are found.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
GENERATED_CODE_DIR="$folder" cargo test --quiet --lib -- --ignored programs_are_written_for_the_script >/dev/null
failed=0
try() {
    name=$1
    shift
    if ! "$@" >"$folder/out" 2>&1; then
        failed=$((failed + 1))
        echo "failed: $name: $*"
        tail -n 20 "$folder/out"
    fi
}
for table in sales.csv umsatz.csv latin1.csv hostile.csv visitors.tsv nothing-to-add.csv amounts.json years.csv; do
    cd "$folder/$table"
    try "$table" python3 data.py --self-test
    try "$table" python3 data.py
    try "$table" python3 data.py "inputs/$table" --html page.html
    test -s page.html || { failed=$((failed + 1)); echo "failed: $table: no page"; }
    try "$table" python3 -c 'import sqlite3,sys; sqlite3.connect(":memory:").executescript(open("data.sql", encoding="utf-8").read())'
    if command -v node >/dev/null && [ "$table" != amounts.json ] && [ "$table" != latin1.csv ]; then
        try "$table" node data.js --self-test
        try "$table" node data.js "inputs/$table"
    fi
done
for kind in store cli; do
    cd "$folder/$kind"
    try "$kind" python3 tool.py --self-test
    if command -v node >/dev/null; then try "$kind" node tool.js --self-test; fi
    if command -v rustc >/dev/null; then
        try "$kind" rustc --edition 2021 --test -o tool_tests tool.rs
        try "$kind" ./tool_tests
    fi
done
# Known answers, added up by hand.
cd "$folder/sales.csv"
python3 data.py >out.txt
for pair in 'North=1,387.50' 'South=430' 'West=29.50' '2024-04=1,059' '2024-02=269.50'; do
    grep -Eq -e "^${pair%%=*} +${pair#*=} " out.txt || { failed=$((failed + 1)); echo "failed: sales.csv: $pair"; }
done
cd "$folder/umsatz.csv"
python3 data.py >out.txt
for part in 'Köln' '1,234.50' 'Bad "Ems"' '-20.25' 'Müns;ter'; do
    grep -Fq -e "$part" out.txt || { failed=$((failed + 1)); echo "failed: umsatz.csv: $part"; }
done
if [ "$failed" -gt 0 ]; then exit 1; fi
echo "generated programs: all ran"
