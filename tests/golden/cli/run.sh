#!/bin/bash
# The program from outside: exit codes, what stands on which stream, files, signals, terminals.
#   run.sh PATH_OF_WEIR [TEXT]   (only tests whose name has TEXT)
# Ends with a line `N passed, N failed, N skipped`.
set -u
weir=$(realpath "$1")
only=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
unset NO_COLOR WEIR_SECRET_KEY
export TERM=xterm LC_ALL=C.UTF-8
passed=0 failed=0 skipped=0 name='' bad=''

finish() {
  [ -n "$name" ] || return 0
  if [ -z "$bad" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED %s\n%s' "$name" "$bad"
    printf '    exit code %s\n' "$code"
    sed 's/^/    stdout: /' out | head -n 20
    sed 's/^/    stderr: /' err | head -n 20
  fi
  name='' bad=''
}
t() { # a new test; false if it is not to run
  finish
  if [ -n "$only" ] && [[ "$1" != *"$only"* ]]; then return 1; fi
  name=$1
}
skip() { # NAME WHY
  finish
  skipped=$((skipped + 1))
  printf 'skipped %s: %s\n' "$1" "$2"
}
run() { # command …
  "$@" >out 2>err </dev/null
  code=$?
}
run_in() { # FILE command …
  local file=$1
  shift
  "$@" >out 2>err <"$file"
  code=$?
}
no() { bad+="    $*"$'\n'; }
exits() { [ "$code" -eq "$1" ] || no "exit code $code, expected $1"; }
says() { grep -qF -- "$1" out || no "stdout lacks: $1"; }
says_not() { ! grep -qF -- "$1" out || no "stdout has: $1"; }
tells() { grep -qF -- "$1" err || no "stderr lacks: $1"; }
tells_not() { ! grep -qF -- "$1" err || no "stderr has: $1"; }
says_nothing() { [ ! -s out ] || no "stdout is not empty"; }
tells_nothing() { [ ! -s err ] || no "stderr is not empty"; }
lines() { [ "$(wc -l <out)" -eq "$1" ] || no "$(wc -l <out) lines on stdout, expected $1"; }
same() { cmp -s "$1" "$2" || no "$1 and $2 differ: $(diff "$1" "$2" | head -n 5)"; }

# ---- what the tests are made of ----

mkdir -p rules/more
cat >rules/events.weir <<'WEIR'
event payment {
  event_time at
  at time
  id string
  card string required
  amount decimal(2)
}
WEIR
cat >rules/more/probe.weir <<'WEIR'
rule probe "Small, then large" {
  key card
  match a = payment(amount <= 5){2,}
  then b = payment(amount > 100)
  within 10m
  emit { n = count(a) amount = b.amount }
  message "card {card}: {n} probes"
}
rule quiet {
  key card
  match c = payment(amount > 1000)
  then no payment for 5m
}
test "two probes" for probe {
  payment { at: "10:00:00", card: "x", amount: 1.00 } * 2 every 1s
  payment { at: "10:01:00", card: "x", amount: 900.00 }
  expect probe at "10:01:00" { n: 2, amount: 900.00 }
  expect nothing else
}
test "one probe" for probe {
  payment { at: "10:00:00", card: "x", amount: 1.00 }
  payment { at: "10:01:00", card: "x", amount: 900.00 }
  expect nothing
}
WEIR
cat >events.jsonl <<'JSON'
{"at":"2026-01-05T10:00:00Z","card":"x","amount":1}
{"at":"2026-01-05T10:00:01Z","card":"x","amount":2.5}
{"at":"2026-01-05T10:00:02Z","card":"x","amount":900}
{"at":"2026-01-05T10:00:03Z","card":"y","amount":5000}
JSON
cat >events.csv <<'CSV'
card,at,amount,other
x,2026-01-05T10:00:00Z,1,"a,b"
x,2026-01-05T10:00:01Z,2.5,
x,2026-01-05T10:00:02Z,900,
y,2026-01-05T10:00:03Z,5000,
CSV
gzip -k events.jsonl events.csv
sed 's/amount <= 5/amout <= 5/' rules/more/probe.weir >wrong.weir

  cat >every.weir <<'WEIR'
event payment { event_time at at time card string }
rule every { on payment key card }
WEIR
  for i in $(seq 20000); do echo '{"at":"2026-01-05T10:00:00Z","card":"x"}'; done >many.jsonl

if [ -n "$only" ]; then # what earlier tests leave for later ones
  "$weir" run rules --input events.jsonl >expected
  cp -r rules formatted
  "$weir" fmt formatted
  "$weir" fmt --json rules/more/probe.weir >probe.json
fi

# ---- run ----

if t "run: alerts on stdout, nothing else anywhere"; then
  run "$weir" run rules --input events.jsonl
  exits 0
  lines 2
  says '{"rule":"probe","version":1,"id":"'
  says '"fields":{"n":2,"amount":900.00},"message":"card x: 2 probes"'
  says '"time":"2026-01-05T10:05:03Z"'
  tells_nothing
  cp out expected
fi
if t "run: gzip gives the same"; then
  run "$weir" run rules --input events.jsonl.gz
  exits 0
  same out expected
fi
if command -v zstd >/dev/null; then
  zstd -q events.jsonl
  if t "run: zstd gives the same"; then
    run "$weir" run rules --input events.jsonl.zst
    exits 0
    same out expected
  fi
else
  skip "run: zstd gives the same" "no zstd here"
fi
if t "run: CSV, packed or not, gives the same"; then
  run "$weir" run rules --input events.csv
  exits 0
  same out expected
  run "$weir" run rules --input events.csv.gz
  exits 0
  same out expected
fi
if t "run: endings in capitals are endings"; then
  cp events.jsonl EVENTS.JSONL
  cp events.csv.gz EVENTS.CSV.GZ
  cp events.csv Events.Csv
  for name in EVENTS.JSONL EVENTS.CSV.GZ Events.Csv; do
    run "$weir" run rules --input "$name"
    exits 0
    same out expected
  done
fi
if t "run: --format says what a name does not, or says wrongly"; then
  run_in events.jsonl "$weir" run rules --format json
  exits 0
  lines 2
  cp out from_stdin
  run_in events.csv "$weir" run rules --input - --format csv
  exits 0
  same out from_stdin
  cp events.csv events_csv.txt
  run "$weir" run rules --input payment=events_csv.txt --format=csv
  exits 0
  same out expected
  cp events.jsonl events_json.csv
  run "$weir" run rules --input events_json.csv --format json
  exits 0
  same out expected
  run "$weir" run rules --input events_json.csv,events.jsonl --format json
  exits 0
  run "$weir" run rules --input - --format xml
  exits 2
  tells '`--format` cannot be `xml`'
fi
if t "run: standard input is the default, and its source"; then
  run_in events.jsonl "$weir" run rules
  exits 0
  lines 2
  says '"source":"stdin","partition":0,"offset":0'
  cp out from_stdin
  run_in events.jsonl "$weir" run rules --input -
  same out from_stdin
  run_in events.jsonl "$weir" run rules --input payment=-
  same out from_stdin
fi
if t "run: several files of one input are one partition"; then
  head -n 2 events.jsonl >part-1.jsonl
  tail -n 2 events.jsonl >part-2.jsonl
  run "$weir" run rules --input part-1.jsonl,part-2.jsonl
  exits 0
  same out expected
  run "$weir" run rules --input 'part-*.jsonl'
  exits 0
  same out expected
  run "$weir" run rules --input 'payment=part-?.jsonl'
  same out expected
fi
if t "run: several inputs are partitions in their order"; then
  run "$weir" run rules --input part-2.jsonl --input=part-1.jsonl
  exits 0
  says '"partition":1,"offset":0'
  lines 2
fi
if t "run: a file whose name has an equals sign"; then
  cp events.jsonl 'a=b.jsonl'
  run "$weir" run rules --input './a=b.jsonl'
  exits 0
  same out expected
fi
if t "run: rule files and folders; -- ends the options"; then
  run "$weir" run --input events.jsonl -- rules/events.weir rules/more
  exits 0
  same out expected
fi
if t "run: without rules: usage"; then
  run "$weir" run --input events.jsonl
  exits 2
  says_nothing
  tells 'weir run: no rules are given'
  tells 'usage: weir run RULES… [options]'
fi
if t "run: an unknown option, with a hint"; then
  run "$weir" run rules --imput events.jsonl
  exits 2
  tells 'there is no option `--imput`'
  tells 'did you mean `--input`?'
fi
if t "run: an option that is not written out"; then
  for pair in '--mem --memory' '-i --input' '--dead --dead-letters' '--inptu --input' '--typefield --type-field'; do
    run "$weir" run rules "${pair%% *}" x
    exits 2
    tells "there is no option \`${pair%% *}\`"
    tells "did you mean \`${pair##* }\`?"
  done
fi
if t "run: events among the rules"; then
  run "$weir" run rules events.jsonl
  exits 2
  tells '`events.jsonl` is no file of rules'
  tells 'events are given with `--input events.jsonl`'
  tells_not 'quotes'
  mkdir -p days
  cp events.jsonl days/1.jsonl
  cp events.jsonl days/2.jsonl
  run "$weir" run rules --input days/*.jsonl # the shell makes two words of it
  exits 2
  tells '`days/2.jsonl` is no file of rules'
  tells 'a pattern stands in quotes, or the shell makes several words of it'
  for name in EVENTS.JSONL a.Csv b.csv.GZ c.ZST; do
    run "$weir" run rules "$name"
    exits 2
    tells "\`$name\` is no file of rules"
  done
fi
if t "run: an empty value"; then
  for option in --input --dead-letters --type-field --order --side; do
    run "$weir" run rules "$option" ''
    exits 2
    says_nothing
  done
  run "$weir" run rules --dead-letters= --input events.jsonl
  exits 2
  tells 'the value of `--dead-letters` is empty'
fi
if t "run: an option without its value"; then
  run "$weir" run rules --dead-letters --input events.jsonl
  exits 2
  tells '`--dead-letters` needs a value: --dead-letters FILE'
  run "$weir" run rules --input
  exits 2
  tells '`--input` needs a value: --input [EVENT=]FILE[,FILE…]'
fi
if t "run: an option of a later version"; then
  for option in '-c weir.conf' '--shards 2' '--state s' '--from s' --stats --print-config --stop-at-end; do
    # shellcheck disable=SC2086
    run "$weir" run rules $option
    exits 2
    tells 'this version does not have `--'
  done
fi
if t "run: an event type that is not declared"; then
  run "$weir" run rules --input paiment=events.jsonl
  exits 2
  tells 'the rules declare no event type `paiment`'
fi
if t "run: an order that there is not"; then
  run "$weir" run rules --order time --input events.jsonl
  exits 2
  tells '`--order` cannot be `time`'
fi
if t "run: order arrival takes late events"; then
  (tail -n 1 events.jsonl; head -n 3 events.jsonl) >late.jsonl
  run "$weir" run rules --input late.jsonl
  exits 0
  says_not '"rule":"probe"'
  tells '{"late":"payment","source":"file","partition":0,"offset":1,'
  run "$weir" run rules --order arrival --input late.jsonl
  exits 0
  says '"rule":"probe"'
  tells_nothing
fi
if t "run: sizes"; then
  for size in 512MiB 64MiB 2GiB 268435456 65536KiB; do
    run "$weir" run rules --memory "$size" --input events.jsonl
    exits 0
    same out expected
  done
  for size in 512MB lots -1 0 99999999999999999999 1.5GiB MiB; do
    run "$weir" run rules --memory "$size" --input events.jsonl
    exits 2
    tells 'is no size'
  done
  run "$weir" run rules --memory 1000 --input events.jsonl
  exits 2
  tells '`--memory` is less than anything can run in'
fi
if t "run: a missing input file"; then
  run "$weir" run rules --input nothing.jsonl
  exits 3
  says_nothing
  tells 'nothing.jsonl'
  tells 'No such file or directory'
fi
if t "run: a pattern that fits nothing"; then
  run "$weir" run rules --input 'nothing-*.jsonl'
  exits 3
  tells 'nothing-*.jsonl'
fi
if t "run: a damaged gzip file: what came before it is told"; then
  head -c 100 events.jsonl.gz >cut.jsonl.gz
  run "$weir" run rules --input cut.jsonl.gz
  exits 3
  tells 'cut.jsonl.gz'
fi
if t "run: rules that are not there"; then
  run "$weir" run nothing.weir --input events.jsonl
  exits 3
  tells 'nothing.weir'
fi
if t "run: a folder without rules"; then
  mkdir -p empty
  run "$weir" run empty --input events.jsonl
  exits 3
  tells 'no rule files (*.weir) in empty'
fi
if t "run: errors in rules, exact"; then
  run "$weir" run rules/events.weir wrong.weir --input events.jsonl
  exits 1
  says_nothing
  tells 'wrong.weir:3:21: error: `payment` has no field `amout`'
  tells '    3 |   match a = payment(amout <= 5){2,}'
  tells '^^^^^ did you mean `amount`?'
fi
if t "run: errors in rules as JSON"; then
  run "$weir" run rules/events.weir wrong.weir --input events.jsonl --json
  exits 1
  tells '{"file":"wrong.weir","line":3,"column":21,"severity":"error","code":"'
fi
if t "run: constructs of later versions are refused by name"; then
  cat >later.weir <<'WEIR'
event payment { event_time at at time card string amount decimal(2) }
rule busy { on rule_minute(seen > 3) }
WEIR
  run "$weir" run later.weir --input events.jsonl
  exits 1
  tells 'later.weir:2:'
  run "$weir" check later.weir
  exits 0
fi
cat >dead.jsonl <<'JSON'
{"at":"2026-01-05T10:00:00Z","card":"x","amount":1}
no json
{"at":"2026-01-05T10:00:01Z","amount":1}
{"at":"2026-01-05T10:00:02Z","card":"x","amount":"1"}
{"at":"2026-01-05T09:59:00Z","card":"x","amount":1}
JSON
if t "run: dead letters and late rows on stderr"; then
  run "$weir" run rules --input dead.jsonl
  exits 0
  tells '{"dead_letter":"bad_json","detail":"'
  tells '"source":"file","partition":0,"offset":1,"record":"no json"}'
  tells '{"dead_letter":"bad_required","detail":"'
  tells '"offset":3,"taken":true,"field":"amount"'
  tells '{"late":"payment","source":"file","partition":0,"offset":4,"time":"2026-01-05T09:59:00Z","watermark":"2026-01-05T10:00:02Z","record":"'
  [ "$(wc -l <err)" -eq 4 ] || no "not four lines on stderr"
  cp err dead.expected
fi
if t "run: dead letters in a file"; then
  run "$weir" run rules --input dead.jsonl --dead-letters dead.out
  exits 0
  tells_nothing
  same dead.out dead.expected
fi
if t "run: a side for late rows"; then
  sed 's/event_time at/event_time at late side slow/' rules/events.weir >side.weir
  run "$weir" run side.weir rules/more --input dead.jsonl --side slow=slow.out --dead-letters dead.out
  exits 0
  grep -q '"late":"payment"' slow.out || no "the late row is not in its side"
  ! grep -q '"late":"payment"' dead.out || no "the late row is in the dead letters"
fi
if t "run: a side without a file"; then
  run "$weir" run rules --input dead.jsonl --side slow
  exits 2
  tells '`--side` wants NAME=FILE'
fi
if t "run: a side that nothing goes to"; then
  run "$weir" run side.weir rules/more --input dead.jsonl --side slwo=slow.out --dead-letters dead.out
  exits 0
  tells 'warning: `--side slwo=…`: no rule or event type sends anything to the sink `slwo`; did you mean `slow`?'
  run "$weir" run rules --input dead.jsonl --side shadow=shadow.out --dead-letters dead.out
  exits 0
fi
if t "run: sinks that are one file share it"; then
  "$weir" run side.weir rules/more --input dead.jsonl --side slow=both.out --dead-letters apart.out >/dev/null
  cat apart.out both.out | sort >both.expected
  ln -sf both.out both.link
  for twice in "--side slow=both.out --dead-letters both.out" "--side slow=./both.out --dead-letters both.link"; do
    rm -f both.out
    # shellcheck disable=SC2086
    run "$weir" run side.weir rules/more --input dead.jsonl $twice
    exits 0
    sort both.out >both.sorted
    same both.sorted both.expected
  done
  "$weir" run side.weir rules/more --input dead.jsonl --side slow=/dev/stdout >out 2>/dev/null
  grep -q '"late":"payment"' out || no "the side's rows are not on standard output"
fi
if t "run: an input is never written into"; then
  for sink in "--dead-letters kept.jsonl" "--side slow=./kept.jsonl" "--dead-letters kept.link"; do
    cp dead.jsonl kept.jsonl
    ln -sf kept.jsonl kept.link
    # shellcheck disable=SC2086
    run "$weir" run side.weir rules/more --input kept.jsonl $sink
    exits 2
    says_nothing
    tells 'would go into a file that is read as input'
    same kept.jsonl dead.jsonl
    # shellcheck disable=SC2086
    run_in kept.jsonl "$weir" run side.weir rules/more $sink
    exits 2
    same kept.jsonl dead.jsonl
  done
  "$weir" run rules --input events.jsonl,kept.jsonl >>kept.jsonl 2>err
  code=$?
  exits 2
  tells 'alerts would go into a file that is read as input'
  same kept.jsonl dead.jsonl
fi
if t "run: a file that cannot be written"; then
  run "$weir" run rules --input dead.jsonl --dead-letters no/such/folder/dead.out
  exits 3
  tells 'no/such/folder/dead.out'
fi
if t "run: the type field"; then
  sed 's/{/{"kind":"payment",/' events.jsonl >kind.jsonl
  (cat kind.jsonl; echo '{"kind":"other","x":1}') >kinds.jsonl
  cat >two.weir <<'WEIR'
event other_event { event_time at at time }
WEIR
  run "$weir" run rules two.weir --input kinds.jsonl --type-field kind --summary
  exits 0
  lines 2
  tells '5 events in'
  tells '1 of no declared type'
fi
if t "run: all ignored is said"; then
  sed 's/{/{"type":"paiment",/' events.jsonl >type.jsonl
  run "$weir" run rules --input type.jsonl
  exits 0
  says_nothing
  tells 'no record was of a type that the rules declare'
fi
if t "run: the summary"; then
  run "$weir" run rules --input events.jsonl --summary
  exits 0
  same out expected
  tells '4 events in '
  tells ': 2 alerts'
  run "$weir" run rules --input events.jsonl --summary --json
  exits 0
  tells '{"summary":{"read":4,"processed":4,"late":0,"dead":0,"duplicate":0,"ignored":0,"held":0,'
  tells '{"rule":"probe","told":1,'
  printf 'event a { event_time at  at time  k string  n int  f float }\nrule r { on a(n > 0 or f > 0)  key k }\n' >keyless.weir
  printf '{"at":"2026-01-05T10:00:00Z","n":1%s}\n' '' '.5,"k":"x"' ',"k":"x","f":"1"' '.5,"k":"x"' >keyless.jsonl
  run "$weir" run keyless.weir --input keyless.jsonl --summary
  tells ': 1 alert, 3 bad values (a.n 2, a.f 1)'
  run "$weir" run keyless.weir --input keyless.jsonl --summary --json
  tells '"regex_limit":0,"report_limit":0,"null_key":1}'
  tells '"bad_values":[{"event":"a","field":"n","count":2},{"event":"a","field":"f","count":1}]}}'
fi
if t "run: what each rule costs"; then
  run "$weir" run rules --input events.jsonl --profile
  exits 0
  same out expected
  tells ' events      matches         told         open      state    CPU %'
  for row in 'probe ' 'quiet ' 'index, keys, timers' 'decoding' 'reading, unpacking, writing'; do tells "$row"; done
  [ "$(awk 'NR > 1 { sum += $NF } END { printf "%.1f", sum }' err)" = 100.0 ] || no "the shares do not add up to 100"
  run "$weir" run rules --input events.jsonl --profile --json
  exits 0
  same out expected
  tells '{"profile":"rule","name":"probe","events":'
  tells '"matches":1,"told":1,"open":'
  [ "$(jq -s 'map(.cpu_percent) | add * 10 | round' err)" = 1000 ] || no "the shares do not add up to 100"
fi
if t "run: what thousands of rules cost"; then
  {
    echo 'event e { event_time at at time n int }'
    for n in $(seq 2000); do echo "rule r$n { on e(n == $n) }"; done
  } >many.weir
  seq -f '{"at":"2026-01-05T10:00:00Z","n":%.0f}' 1 2000 >thousands.jsonl
  run "$weir" run many.weir --input thousands.jsonl --profile
  exits 0
  lines 2000
  tells '… 1,980 more '
  [ "$(grep -c '^r[0-9]' err)" -eq 20 ] || no "not 20 rules"
  [ "$(awk 'NR > 1 { sum += $NF } END { printf "%.1f", sum }' err)" = 100.0 ] || no "the shares do not add up to 100"
fi
if t "run: an empty input"; then
  run_in /dev/null "$weir" run rules
  exits 0
  says_nothing
  tells_nothing
fi
if t "run: CSV whose header lacks a column that a rule reads"; then
  sed '1s/amount/amuont/' events.csv >slip.csv
  run "$weir" run rules --input events.csv,slip.csv
  exits 0
  tells 'note: 1 CSV header has no column for `amount` of `payment`, which is null there'
  tells_not 'for `id`' # nothing reads it
  run "$weir" run rules --input payment=slip.csv --input slip.csv --summary --json
  exits 0
  tells '"bad_values":[{"event":"payment","field":"amount","count":0,"absent":2}]}}'
  run "$weir" run rules --input events.csv
  tells_nothing
fi
if t "run: --json tells notes too"; then
  sed 1d events.csv >headless.csv
  run "$weir" run rules --input headless.csv --json --side nobody=x.jsonl
  exits 0
  tells '{"note":"all records were refused; the dead letters say why"}'
  tells '{"note":"`--side nobody=…`: no rule or event type sends anything to the sink `nobody`"}'
  ! grep -v '^{' err || no "not all of it is JSON"
fi
if t "run: a rule that sees nothing, for its key is null"; then
  sed 's/card/crad/g' rules/events.weir rules/more/probe.weir | sed 's/ required//; /^test/,/^}/d' >keys.weir
  run "$weir" run keys.weir --input events.jsonl
  exits 0
  says_nothing
  tells 'note: rule `probe`: 4 events had no key: the rule did not see them'
  tells 'note: rule `quiet`: 4 events had no key: the rule did not see them'
  { cat events.jsonl && echo '{"at":"2026-01-05T10:00:04Z","card":null,"amount":1}'; } >some.jsonl
  sed 's/ required//' rules/events.weir >loose.weir
  run "$weir" run loose.weir rules/more/probe.weir --input some.jsonl
  exits 0
  tells_nothing
fi
if t "run: files of rules without a rule"; then
  run "$weir" run rules/events.weir --input events.jsonl
  exits 0
  says_nothing
  tells 'note: the rule files have no rule: nothing can be told'
fi
if t "run: CSV with other separators, and a list of records"; then
  tr ',' ';' <events.csv >semicolons.csv
  run "$weir" run rules --input semicolons.csv
  tells '`at`: the CSV header has one column only, and no such one: cells stand between commas'
  { echo '[' && cat events.jsonl && echo ']'; } >list.json
  run "$weir" run rules --input list.json
  tells '"detail":"expected an object, not a list of them, at byte 1"'
fi
if t "run: CSV whose header is not right"; then
  sed 1d events.csv >headless.csv
  run "$weir" run rules --input headless.csv
  exits 0
  says_nothing
  tells '"dead_letter":"no_time","detail":"`at`: the CSV header has no such column"'
  tells 'note: all records were refused'
  head -n 1 events.csv >only_header.csv
  run "$weir" run rules --input only_header.csv
  exits 0
  tells 'note: the input has no records (of a CSV file the first line is the header)'
  sed '1s/other/amount/' events.csv >twice.csv
  run "$weir" run rules --input events.csv,twice.csv
  exits 3
  tells 'twice.csv: error: the CSV header has the column `amount` twice'
  sed '1s/card/"card/' events.csv >quote.csv
  run_in /dev/null "$weir" run rules --input quote.csv
  exits 3
  tells 'quote.csv'
  [ "$(wc -l <err)" -eq 1 ] || no "more than one line says so"
  tr '\n' '\r' <events.csv >return.csv
  run "$weir" run rules --input return.csv
  exits 3
  says_nothing
  tells 'error: return.csv: the CSV header has a carriage return in it'
  [ "$(wc -l <err)" -eq 1 ] || no "more than one line says so"
fi
if t "run, test: a file of rules is never written into"; then
  mkdir -p kept_rules
  cp rules/*.weir kept_rules
  kept=$(ls kept_rules/*.weir | head -n 1)
  ln -sf "$kept" rules.link
  cp "$kept" kept.copy
  for sink in "--dead-letters $kept" "--side slow=./$kept" "--dead-letters rules.link"; do
    # shellcheck disable=SC2086
    run "$weir" run kept_rules --input events.jsonl $sink
    exits 2
    says_nothing
    tells 'would go into a file of rules'
    same "$kept" kept.copy
  done
  run "$weir" test kept_rules --junit "$kept"
  exits 2
  tells 'would go into a file of rules'
  same "$kept" kept.copy
  "$weir" run kept_rules --input events.jsonl >>"$kept" 2>err
  code=$?
  exits 2
  tells 'alerts would go into a file of rules'
  same "$kept" kept.copy
fi
if t "run, test: a file of a list, a table or a model is never written into"; then
  mkdir -p kept_data/data
  cat >kept_data/rules.weir <<'EOF'
event e { event_time at at time v string n float }
list bad string from file "data/bad.txt"
table bins key (bin) from file "data/bins.csv" { bank string }
model m from file "data/m.json" { in n out score float }
rule r { on e(v in bad or bins[v].bank == "b" or m.score > 0.5) key none }
test "t" for r { expect nothing }
EOF
  printf 'b\nc\n' >kept_data/data/bad.txt
  printf 'bin,bank\n1,b\n' >kept_data/data/bins.csv
  printf '{"form": "logistic", "intercept": 0, "inputs": {"n": {"weight": 1}}}\n' >kept_data/data/m.json
  printf '{"type":"e","at":"2026-01-01T00:00:00Z","v":"b"}\n' >kept_data/events.jsonl
  run "$weir" run kept_data/rules.weir --input kept_data/events.jsonl
  exits 0
  for data in bad.txt bins.csv m.json; do
    file=kept_data/data/$data
    cp "$file" kept.copy
    ln -sf "$file" data.link
    for sink in "--dead-letters $file" "--side slow=./$file" "--dead-letters data.link"; do
      # shellcheck disable=SC2086
      run "$weir" run kept_data/rules.weir --input kept_data/events.jsonl $sink
      exits 2
      says_nothing
      tells 'would go into a file that the rules read'
      same "$file" kept.copy
    done
    run "$weir" test kept_data/rules.weir --junit "$file"
    exits 2
    tells 'the results would go into a file that the rules read'
    same "$file" kept.copy
    "$weir" run kept_data/rules.weir --input kept_data/events.jsonl >>"$file" 2>err
    code=$?
    exits 2
    tells 'alerts would go into a file that the rules read'
    same "$file" kept.copy
  done
fi
if t "run: a closed pipe ends it quietly"; then
  (
    "$weir" run every.weir --input many.jsonl 2>err
    echo $? >code
  ) | head -n 1 >out
  code=$(cat code)
  exits 0
  tells_nothing
  lines 1
fi
if t "run: standard output that is full"; then
  if [ -e /dev/full ]; then
    "$weir" run rules --input events.jsonl >/dev/full 2>err
    code=$?
    exits 3
    tells 'No space left on device'
  fi
fi

if t "run: lists and tables in files, found beside the rules"; then
  mkdir -p files/data
  printf 'x\n# not this one\n\ny\n' >files/data/bad.txt
  printf 'bin,bank,kind,other\nx,"Bank, One",debit,1\nz,Two,,2\n' >files/data/bins.csv
  cat >files/r.weir <<'WEIR'
event payment { event_time at at time card string }
list bad string from file "data/bad.txt"
table bins key (bin) from file "data/bins.csv" { bank string kind string }
rule listed { on payment(card in bad) key card emit { bank = bins[card].bank kind = bins[card].kind } }
rule unlisted { on payment(card not in bad) key card emit { bank = bins[card].bank kind = bins[card].kind } }
WEIR
  for card in x y z; do echo '{"at":"2026-01-05T10:00:00Z","card":"'$card'"}'; done >files/e.jsonl
  run "$weir" run files/r.weir --input files/e.jsonl
  exits 0
  lines 3
  says '"rule":"listed","version":1'
  says '"key":{"card":"x"},"fields":{"bank":"Bank, One","kind":"debit"}'
  says '"key":{"card":"y"},"fields":{"bank":null,"kind":null}'
  says '"key":{"card":"z"},"fields":{"bank":"Two","kind":null}'
  tells_nothing
fi
if t "run: with because tells a model's score and a file's cells, also of a match that ends later"; then
  mkdir -p because
  printf '{"form": "logistic", "intercept": 0, "inputs": {"n": {"weight": 1}}}' >because/m.json
  printf 'bin,most\nx,3\n' >because/bins.csv
  cat >because/r.weir <<'WEIR'
event e { event_time at at time card string n float }
event stop { event_time at at time card string }
table bins key (bin) from file "bins.csv" { most int }
model m from file "m.json" { in n out score float }
rule at_once { on e key card when m.score > 0.5 and n < bins[card].most with because }
rule later { key card match a = e(m.score > 0.5 and n < bins[card].most) then no stop for 1m with because }
WEIR
  echo '{"type":"e","at":"2026-01-05T10:00:00Z","card":"x","n":2}' >because/e.jsonl
  run "$weir" run because/r.weir --input because/e.jsonl
  exits 0
  lines 2
  because='"because":[{"condition":"m.score > 0.5","values":{"m.score":0.8807970779778823}},{"condition":"n < bins[card].most","values":{"n":2,"bins[card].most":3,"card":"x"}}]'
  says '"rule":"at_once"'
  says '"time":"2026-01-05T10:01:00Z"'
  [ "$(grep -cF -- "$because" out)" -eq 2 ] || no "not both say: $because"
  tells_nothing
fi
if t "run: a secret needs its key"; then
  cat >secret.weir <<'WEIR'
event payment { event_time at at time card string secret }
rule every { on payment key card }
WEIR
  run "$weir" run secret.weir --input events.jsonl
  exits 1
  tells 'WEIR_SECRET_KEY'
  WEIR_SECRET_KEY=golden run "$weir" run secret.weir --input events.jsonl
  exits 0
  says_not '"card":"x"'
  lines 4
fi
if t "run: with unique the ids of alerts are the same wherever the events stood"; then
  cat >ids.weir <<'WEIR'
event order { event_time at unique id for 1h everywhere at time id string card string }
event payment { event_time at unique id for 1h everywhere at time id string card string }
event seen from payment { card = card }
event pair join o = order, p = payment key card where p.time between o.time - 5s and o.time + 5s full { card = card }
event late join o = order, p = seen key card where p.time between o.time and o.time + 5s { card = card }
event two from payment, order key card window count 2 every 1 early every 1s { n = count() }
rule on_pair { on pair key card score 1 }
rule on_late { on late key card }
rule on_two { on two key card }
group both { key card over 1h rules on_pair score sum all review at 1 }
WEIR
  at='"at":"2026-01-05T10:00:0' o='{"type":"order","card":"x",' p='{"type":"payment","card":"x",'
  echo "${o}${at}0Z\",\"id\":\"a\"}" >ids1.jsonl
  echo "${o}${at}3Z\",\"id\":\"b\"}" >>ids1.jsonl
  echo "${p}${at}1Z\",\"id\":\"c\"}" >ids2.jsonl
  echo "${p}${at}9Z\",\"id\":\"d\"}" >>ids2.jsonl
  echo "${p}${at}9Z\",\"id\":\"e\"}" >>ids2.jsonl
  sort -t '"' -k 12 ids1.jsonl ids2.jsonl >ids.jsonl
  run "$weir" run ids.weir --input ids.jsonl
  exits 0
  cp out ids.one
  [ "$(wc -l <out)" -gt 12 ] || no "only $(wc -l <out) alerts"
  [ "$(grep -o '"id":"[0-9a-f]*","time"' out | sort -u | wc -l)" -eq "$(wc -l <out)" ] || no "equal ids"
  run "$weir" run ids.weir --input ids1.jsonl --input ids2.jsonl
  exits 0
  same ids.one out
fi

# ---- signals ----

wait_for() { # FILE TEXT: until the file has the text, ten seconds at most
  local i
  for ((i = 0; i < 200; i++)); do
    if grep -qF -- "$2" "$1" 2>/dev/null; then return 0; fi
    read -rt 0.05 <> <(:) || true
  done
  return 1
}
signalled() { # SIGNAL
  rm -f pipe
  mkfifo pipe
  : >out
  "$weir" run rules --order arrival <pipe >out 2>err &
  local pid=$!
  exec 9>pipe
  cat events.jsonl >&9
  printf '{"at":"2026-01-05T10:00:04Z","card"' >&9
  wait_for out '"rule":"probe"' || no "the alert was not handed on before the input's end"
  kill -s "$1" "$pid"
  wait "$pid"
  code=$?
  exec 9>&-
}
if t "a signal: what came is told, no absence is decided, exit 0"; then
  for signal in INT TERM; do
    signalled $signal
    exits 0
    lines 1
    says '"rule":"probe"'
    tells 'weir run: stopped: 0 events still waited for earlier ones, 1 partial match was open'
    tells_not dead_letter
  done
fi

if t "a second signal ends it at once, also where nobody reads its alerts"; then
  rm -f pipe
  mkfifo pipe
  exec 8<>pipe
  "$weir" run every.weir --input many.jsonl >pipe 2>err &
  pid=$!
  read -rt 60 line <&8
  echo "$line" >out
  says '"rule":"every"'
  kill -s TERM "$pid"
  for ((i = 0; i < 200; i++)); do # the first one may still be on its way
    kill -s TERM "$pid" 2>/dev/null || break
    read -rt 0.05 <> <(:) || true
  done
  wait "$pid"
  code=$?
  exec 8>&-
  exits 143
fi

# ---- check ----

if t "check: fine"; then
  run "$weir" check rules
  exits 0
  says_nothing
  tells '0 errors, 0 warnings in 2 files: 1 event type, 2 rules, 2 tests'
fi
if t "check: errors"; then
  run "$weir" check rules/events.weir wrong.weir
  exits 1
  says 'wrong.weir:3:21: error: `payment` has no field `amout`'
  tells '1 error, 0 warnings in 2 files'
fi
if t "check: warnings alone are fine"; then
  cat >warn.weir <<'WEIR'
event payment { event_time at at time card string }
list unused string { "a" }
rule every { on payment key card }
WEIR
  run "$weir" check warn.weir
  exits 0
  says 'warning: '
  says 'unused-list'
  tells '0 errors, 1 warning in 1 file'
fi
if t "check: JSON"; then
  run "$weir" check --json rules/events.weir wrong.weir
  exits 1
  lines 2
  says '{"file":"wrong.weir","line":3,"column":21,"severity":"error",'
  says '{"summary":{"files":2,"events":1,"rules":2,"tests":2,"errors":1,"warnings":0,"errors_not_shown":0}}'
  tells_nothing
fi
if t "rules from standard input"; then
  for verb in run check explain test; do
    run_in rules/events.weir "$weir" $verb -
    exits 2
    tells 'rules stand in files; `/dev/stdin` is standard input'
  done
  "$weir" check /dev/stdin <rules/events.weir >out 2>err
  code=$?
  exits 0
fi
if t "check: a file that is given twice"; then
  run "$weir" check rules ./rules/events.weir
  exits 1
  says './rules/events.weir:1:7: error: event type `payment` is declared twice'
  says '^^^^^^^ the same file is given twice'
fi
if t "check: a list file that is missing"; then
  cat >list.weir <<'WEIR'
event payment { event_time at at time card string }
list bad string from file "nothing.txt"
rule every { on payment(card in bad) key card }
WEIR
  run "$weir" check list.weir
  exits 1
  says 'list.weir:2:27: error: cannot read `nothing.txt`: No such file or directory'
  run "$weir" run list.weir
  exits 1
  tells 'list.weir:2:27: error: cannot read `nothing.txt`: No such file or directory'
fi
if t "check: bytes that are no text"; then
  head -c 4096 /dev/zero | tr '\0' '\377' >noise.weir
  run "$weir" check noise.weir
  exits 1
  says 'noise.weir:1:1: error: '
fi
if t "check: without operands"; then
  run "$weir" check
  exits 2
  tells 'weir check: no rules are given'
fi

# ---- fmt ----

if t "fmt: in place, and a second time nothing changes"; then
  cp -r rules formatted
  run "$weir" fmt --check formatted
  exits 1
  says 'formatted/more/probe.weir'
  run "$weir" fmt formatted
  exits 0
  says_nothing
  cp -r formatted again
  run "$weir" fmt --check formatted
  exits 0
  says_nothing
  run "$weir" fmt formatted
  exits 0
  diff -r formatted again >/dev/null || no "fmt changed its own layout"
  run "$weir" test formatted
  exits 0
fi
if t "fmt: the layout means the same"; then
  run "$weir" run formatted --input events.jsonl
  exits 0
  same out expected
fi
if t "fmt: standard input"; then
  run_in rules/more/probe.weir "$weir" fmt -
  exits 0
  same out formatted/more/probe.weir
fi
if t "fmt: JSON and back"; then
  run "$weir" fmt --json rules/more/probe.weir
  exits 0
  says '{"format_version":1,'
  cp out probe.json
  run "$weir" fmt probe.json
  exits 0
  same out formatted/more/probe.weir
  cp probe.json PROBE.JSON
  run "$weir" fmt PROBE.JSON
  exits 0
  same out formatted/more/probe.weir
  run "$weir" check rules/events.weir PROBE.JSON
  exits 0
fi
if t "fmt: rules in their JSON form run"; then
  run "$weir" run rules/events.weir probe.json --input events.jsonl
  exits 0
  same out expected
fi
if t "fmt: every rule file of the project keeps its layout, and loses nothing over JSON"; then
  count=0
  for file in $(cd "$root" && find examples tests -name '*.weir' | LC_ALL=C sort); do
    "$weir" fmt - <"$root/$file" >once.weir 2>/dev/null || continue # corpora have broken ones too
    count=$((count + 1))
    "$weir" fmt - <once.weir >twice.weir 2>err || no "$file: its own layout is refused"
    cmp -s once.weir twice.weir || no "$file: a second time changes it"
    "$weir" fmt --json - <"$root/$file" >whole.json 2>err || no "$file: no JSON"
    "$weir" fmt whole.json >back.weir 2>err || no "$file: its JSON is refused: $(head -n 1 err)"
    cmp -s once.weir back.weir || no "$file: lost over JSON: $(diff once.weir back.weir | head -n 3)"
  done
  code=0
  [ "$count" -ge 40 ] || no "only $count files"
fi
if t "fmt: a file with errors stays as it is"; then
  printf 'rule r {\n' >broken.weir
  cp broken.weir kept.weir
  run "$weir" fmt broken.weir
  exits 1
  tells 'broken.weir:'
  same broken.weir kept.weir
fi
if t "fmt: JSON that is no rule set"; then
  echo '{"format_version":1,"declarations":[{"kind":"rule"}]}' >broken.json
  run "$weir" fmt broken.json
  exits 1
  tells 'broken.json'
fi
if t "fmt: a folder without rules"; then
  mkdir -p empty
  run "$weir" fmt empty
  exits 3
  tells 'no rule files (*.weir) in empty'
fi
if t "fmt: a missing file"; then
  run "$weir" fmt nothing.weir
  exits 3
  tells 'nothing.weir'
fi

# ---- explain ----

if t "explain: files of rules without a rule"; then
  run "$weir" explain rules/events.weir
  exits 0
  says_nothing
  tells 'weir explain: the rule files have no rules'
  run "$weir" explain rules/events.weir --rule payment
  exits 0
  tells_nothing
fi
if t "explain: words for people"; then
  run "$weir" explain rules
  exits 0
  says 'rule probe: Small, then large'
  says 'rule quiet'
fi
if t "explain: one rule, as JSON and as a graph"; then
  run "$weir" explain rules --rule probe
  exits 0
  says_not 'rule quiet'
  run "$weir" explain rules --rule probe --json
  exits 0
  lines 1
  says '"probe"'
  run "$weir" explain rules --dot
  exits 0
  says 'digraph'
fi
if t "explain: a rule that there is not"; then
  run "$weir" explain rules --rule prob
  exits 2
  tells 'there is no declaration `prob`; did you mean `probe`?'
  tells 'weir explain: rules: probe, quiet'
  tells 'weir explain: events: payment'
  tells_not 'groups'
fi
cat >counting.weir <<'WEIR'
event payment {
  event_time at
  at time
  card string
  amount decimal(2)
}
counter spent = sum(amount) of payment by card over 1h
list seen_cards string ttl 7d
table last_amount key (card) from event payment { amount decimal(2) } ttl 1d
event minute from payment key card window tumbling 1m { n = count() }
event large from payment where amount > 100.00 { card = card }
rule block { on large key card score 40 add card to seen_cards to nothing }
rule three { key card match b = block {3} within 10m score 50 to alarms }
rule busy { on minute(n > 1) key card score 20 mode shadow }
rule rich { on payment(card in seen_cards) key card when spent > 1000.00 and last_amount[card].amount > 1.00 }
group takeover { key card over 1h rules block, three, busy score sum block at 90 review at 45 to alarms, mail }
test "three large ones" for three, takeover {
  payment { at: "10:00:00", card: "a", amount: 200.00 } * 3 every 1m
  expect three at "10:02:00"
  expect takeover { band: "block", rules: ["block", "three"], score: 90 }
  expect nothing else
}
test "two are too few" for three, takeover {
  payment { at: "10:00:00", card: "a", amount: 200.00 }
  payment { at: "10:01:00", card: "a", amount: 20.00 }
  expect takeover
  expect nothing else
}
test "small ones are nothing" for block, takeover {
  payment { at: "10:00:00", card: "a", amount: 20.00 }
  expect nothing
}
test "enough in an hour" for rich {
  payment { at: "10:00:00", card: "a", amount: 400.00 } * 2 every 1m
  expect rich
}
WEIR
cat >counting.jsonl <<'EVENTS'
{"at":"2026-01-05T10:00:00Z","card":"a","amount":200.00}
{"at":"2026-01-05T10:00:10Z","card":"a","amount":200.00}
{"at":"2026-01-05T10:02:00Z","card":"a","amount":200.00}
{"at":"2026-01-05T10:03:00Z","card":"a","amount":900.00}
EVENTS
if t "explain: groups, counters, events, lists and tables by name"; then
  run "$weir" explain counting.weir --rule takeover
  exits 0
  says 'group takeover'
  says 'block: score 40'
  says 'to alarms, mail'
  says_not 'rule block'
  run "$weir" explain counting.weir --rule spent
  says 'counter spent = sum(amount) of payment by card over 1h'
  says '  read by rule rich'
  run "$weir" explain counting.weir --rule seen_cards
  says '  changed by rule block'
  says '  read by rule rich'
  cat >read.weir <<'WEIR'
list good string { "a" }
list bad string { "b" }
event l { event_time at watermark when (k not in bad)  at time  k string  g bool = k in good }
rule q { on l(g) key k }
WEIR
  run "$weir" explain read.weir --rule good
  says '  read by event l'
  run "$weir" explain read.weir --rule bad
  says '  read by event l'
  run "$weir" explain counting.weir --rule last_amount
  says 'table last_amount: the last row of each key from payment'
  run "$weir" explain counting.weir --rule minute
  says 'event minute: a tumbling window of 1m by card over payment'
  run "$weir" explain counting.weir --rule minute --json
  says '"others":["event minute: a tumbling window'
  run "$weir" explain counting.weir --json
  says '"groups":[{"group":"takeover","does":["For each card: of the last 1h, '
  run "$weir" explain counting.weir --rule takeover --dot
  says 'digraph "takeover" {'
  says '"block"'
  run "$weir" explain counting.weir --rule spent --dot
  exits 2
  tells '`spent` is a counter: `--dot` draws rules and groups'
  run "$weir" explain counting.weir --rule spend
  exits 2
  tells 'there is no declaration `spend`; did you mean `spent`?'
  tells 'weir explain: rules: block, three, busy, rich'
  tells 'weir explain: groups: takeover'
  tells 'weir explain: counters: spent'
  tells 'weir explain: lists: seen_cards'
  tells 'weir explain: tables: last_amount'
fi
if t "run: what is derived and what is not told stand in the summary"; then
  run "$weir" run counting.weir --input counting.jsonl --summary
  exits 0
  tells ': 4 alerts, 1 of them in shadow, 4 `to nothing`, 11 derived events (block 4, large 4, minute 3)'
  run "$weir" run counting.weir --input counting.jsonl --summary --json
  tells '"derived":11,"alerts":4,"suppressed":0,"to_nothing":4,"shadow":1,"overflow":0,'
  tells '{"rule":"block","told":0,"to_nothing":4,"shadow":0,'
  tells '"groups":[{"group":"takeover","told":1,"alerts":5,"null_key":0,"dropped":0}]'
  tells '"derived_events":[{"event":"block","made":4},{"event":"large","made":4},{"event":"minute","made":3}]'
  printf '{"at":"2026-01-05T10:00:00Z","card":"a","amount":90000000000000000.00}\n%.0s' 1 2 >over.jsonl
  run "$weir" run counting.weir --input over.jsonl
  tells 'note: 1 value of a counter, window or derived event was out of range, or a division by zero (it is null): first in `'
  cat >overflow.weir <<'WEIR'
event e { event_time at  at time  card string  amount decimal(2)  fee int }
event each_of from e where amount < 0 { r = amount / fee }
rule fine { on e key card when count() over 1h > 1 }
rule rich { on e key card when sum(amount) over 1h > 1 }
rule split { on e(amount < 100.00 and amount > 0) key card emit { m = avg(amount / fee) over 1h } }
rule on_each { on each_of(r > 1) }
WEIR
  run "$weir" run overflow.weir --input over.jsonl
  tells ' (it is null): first in `sum(amount) over 1h` of rule `rich`'
  run "$weir" run overflow.weir --input over.jsonl --summary --json
  tells '"overflow_in":"sum(amount) over 1h","overflow_rule":"rich",'
  echo '{"at":"2026-01-05T10:00:00Z","card":"a","amount":9.00,"fee":0}' >zero.jsonl
  run "$weir" run overflow.weir --input zero.jsonl
  tells ': first in `avg(amount / fee) over 1h` of rule `split`'
  echo '{"at":"2026-01-05T10:00:00Z","card":"a","amount":-9.00,"fee":0}' >zero.jsonl
  run "$weir" run overflow.weir --input zero.jsonl
  tells ': first in `each_of`'
  run "$weir" run overflow.weir --input zero.jsonl --summary --json
  tells '"overflow_in":"each_of","late_in_windows"'
fi
if t "run: the alerts of a group go to its sinks as those of rules do"; then
  run "$weir" run counting.weir --input counting.jsonl --side alarms=alarms.jsonl --side mail=mail.jsonl
  exits 0
  lines 1
  says '{"rule":"rich",'
  [ "$(grep -c '"rule":"takeover"' alarms.jsonl)" -eq 1 ] || no "the group's alerts are not at the first sink"
  [ "$(grep -c '"rule":"three"' alarms.jsonl)" -eq 1 ] || no "the rule's alert is not at its sink"
  [ "$(grep -c '"rule":"takeover"' mail.jsonl)" -eq 1 ] || no "the group's alerts are not at the second sink"
  run "$weir" run counting.weir --input counting.jsonl --side alarms=both.jsonl --side mail=both.jsonl
  [ "$(grep -c '"rule":"takeover"' both.jsonl)" -eq 1 ] || no "one target gets them twice"
fi
if t "explain: the examples"; then
  if [ -d "$root/examples/fraud/rules" ]; then
    WEIR_SECRET_KEY=key run "$weir" explain "$root/examples/fraud/rules"
    exits 0
    says 'rule '
  fi
fi

# ---- test ----

if t "test: all pass"; then
  run "$weir" test rules
  exits 0
  says 'ok     two probes'
  says '2 passed, 0 failed'
fi
if t "test: one fails: what came, what was expected; JUnit and JSON too"; then
  sed 's/n: 2,/n: 3,/' rules/more/probe.weir >failing.weir
  run "$weir" test rules/events.weir failing.weir --junit junit.xml
  exits 1
  says 'FAILED two probes (failing.weir:14)'
  says 'n: 3'
  says '1 passed, 1 failed'
  grep -q '<testsuite name="weir" tests="2" failures="1"' junit.xml || no "no sums in the JUnit file"
  grep -q '<testcase name="two probes" classname="failing.weir"' junit.xml || no "no case in the JUnit file"
  grep -q '<failure message="' junit.xml || no "no failure in the JUnit file"
  run "$weir" test rules/events.weir failing.weir --json
  exits 1
  says '{"test":"two probes","file":"failing.weir","line":14,"passed":false,"text":"'
  says '{"summary":{"passed":1,"failed":1}}'
fi
if t "test: an event that is refused fails its test; notes beside tests that pass"; then
  cat >sent.weir <<'WEIR'
event payment {
  event_time at
  unique id for 1h
  at time
  id string
  card string required
}
rule every { on payment key card }
test "refused" for every {
  payment { at: "10:00:00" }
  expect nothing
}
test "late" for every {
  payment { at: "10:00:00", card: "x" }
  payment { at: "09:00:00", card: "x" }
  expect every
  expect nothing else
}
test "meant" for every {
  payment { at: "10:00:00", card: "x", id: "a" } * 2
  watermark "10:01:00"
  payment { at: "09:00:00", card: "x" }
  expect every
  expect nothing else
}
WEIR
  run "$weir" test sent.weir --junit junit.xml
  exits 1
  says 'sent.weir:10:3: this event was refused: `card`: required, but missing or null'
  says 'sent.weir:15:3: this event is late: no event before 2026-01-05T10:00:00Z was expected any more'
  says 'ok     meant'
  says '       note: 1 of the events sent was a duplicate (`unique`)'
  says '1 passed, 2 failed'
  grep -q '<system-out>note: 1 of the events' junit.xml || no "no notes in the JUnit file"
  run "$weir" test sent.weir --json
  says '{"test":"meant","file":"sent.weir","line":19,"passed":true,"text":"note: 1 of the events sent was a duplicate'
  run "$weir" test sent.weir --junit no/such/folder/junit.xml
  exits 3
  tells 'cannot write `no/such/folder/junit.xml`'
fi
if t "test: coverage"; then
  run "$weir" test rules --coverage
  exits 0
  says 'probe      2  yes    yes'
  says 'quiet      0  -      -'
  says '1 of 2 rules were seen to fire'
fi
if t "test: groups, what was counted, and rules to nothing"; then
  run "$weir" test counting.weir --coverage
  exits 1
  says 'ok     three large ones'
  says '  no alert of this group came'
  says '  near miss: the score of { card: "a" } came to 40 at 2026-01-05T10:00:00Z (`block` 40)'
  says '  near miss: `payment` at 2026-01-05T10:01:00Z came nearest'
  says '  near miss: `spent` was 800.00, needs > 1000.00'
  says 'block               4  yes    yes'
  says 'three               2  yes    -'
  says 'rich                1  -      -'
  says 'group takeover      3  yes    yes'
  says '2 of 4 rules were seen to fire, 1 of 1 group'
  run "$weir" test counting.weir --coverage --json
  says '{"rule":"block","tests":4,"fires":true,"quiet":true}'
  says '{"group":"takeover","tests":3,"fires":true,"quiet":true}'
fi
if t "test: what a step behind a change of key counted"; then
  cat >handed.weir <<'WEIR'
event login { event_time at at time uid string device string ok bool }
event order { event_time at at time device string amount decimal(2) }
rule handed {
  key    uid
  match  s = login(ok)
  then   (f = login(not ok) then o = order(sum(amount) of order over 10m > 100) at key device == s.device)
  within 1h
}
test "too little" for handed {
  login { at: "10:00:00", uid: "u", device: "d", ok: true }
  login { at: "10:01:00", uid: "u", device: "d", ok: false }
  order { at: "10:02:00", device: "d", amount: 30.00 }
  order { at: "10:03:00", device: "e", amount: 50.00 }
  order { at: "10:04:00", device: "d", amount: 60.00 }
  expect handed
}
WEIR
  run "$weir" test handed.weir
  exits 1
  says '  near miss: it got as far as `s` at 2026-01-05T10:00:00Z, `f` at 2026-01-05T10:01:00Z'
  says '  near miss: no event was then taken by `o = order(sum(amount) of order over 10m > 100) at key device == s.device`'
  says '  near miss: `order` at 2026-01-05T10:04:00Z came nearest'
  says '  near miss: `sum(amount) of order over 10m` was 90.00, needs > 100'
fi
if t "test: the alert of a window that a late event tells again has the time of its end"; then
  cat >revised.weir <<'WEIR'
event a { event_time at disorder 10s late accept at time k string }
event w from a key k window tumbling 1m lateness 5m { c = count() }
rule counted { on w key k emit { c = c  rev = revision } }
test "again" for counted {
  a { at: "10:00:00", k: "x" }
  watermark "10:01:30"
  a { at: "10:00:30", k: "x" }
  expect counted at "10:01:00" { c: 1 }
  expect counted at "10:01:00" { c: 2, rev: 1 }
  expect nothing else
}
WEIR
  run "$weir" test revised.weir
  exits 0
  says '1 passed, 0 failed'
fi
if t "test: errors in the rules"; then
  run "$weir" test rules/events.weir wrong.weir
  exits 1
  tells 'wrong.weir:3:21: error:'
fi

if t "folders: links in circles are walked once, a link to nothing is an error"; then
  mkdir -p links/more
  cp rules/events.weir links/events.weir
  cp rules/more/probe.weir links/more/probe.weir
  ln -s .. links/more/circle
  run "$weir" check links
  exits 0
  tells '0 errors, 0 warnings in 2 files'
  run "$weir" fmt --check links
  tells_nothing
  ln -s nowhere links/gone.weir
  run "$weir" check links
  exits 3
  tells 'links/gone.weir: No such file or directory'
fi

if t "run: a file whose name looks like a pattern"; then
  cp events.jsonl 'events[1].jsonl'
  run "$weir" run rules --input 'events[1].jsonl'
  exits 0
  same out expected
fi
if t "run: the files of one input are of one format"; then
  run "$weir" run rules --input events.jsonl,events.csv.gz
  exits 3
  tells 'events.csv.gz is CSV, but the input begins as JSON lines'
  run "$weir" run rules --input 'events.c*'
  exits 3
  tells 'is CSV, but the input begins as JSON lines: one input has files of one format'
  run "$weir" run rules --input payment=,events.csv.gz
  exits 0
  tells_nothing
fi

if t "fmt and test: what a path leads to is written, links and modes stay"; then
  mkdir -p kept
  printf 'event e { event_time at  at time }\n' >kept/e.weir
  chmod 640 kept/e.weir
  ln -s e.weir kept/link.weir
  run "$weir" fmt kept/link.weir
  exits 0
  [ -L kept/link.weir ] || no "the link is gone"
  [ "$(stat -c %a kept/e.weir)" = 640 ] || no "the mode has changed"
  [ "$(head -n 1 kept/e.weir)" = 'event e {' ] || no "the file is as it was"
  mkfifo kept/junit
  timeout 10 cat kept/junit >kept/read &
  run "$weir" test kept/e.weir --junit kept/junit
  wait
  exits 0
  [ -p kept/junit ] || no "the pipe is gone"
  grep -q '<testsuites>' kept/read || no "nothing came out of the pipe"
fi

# ---- functions, adapters, infer, version ----

if t "functions"; then
  run "$weir" functions
  exits 0
  says 'speed_kmh('
  [ "$(wc -l <out)" -ge 30 ] || no "too few functions"
  run "$weir" functions levenshtein
  exits 0
  says 'levenshtein(a: string, b: string) -> int'
  run "$weir" functions --json
  exits 0
  says '{"name":"abs","signature":"'
  run "$weir" functions --markdown
  says '| --- | --- | --- | --- |'
  run "$weir" functions nothing
  exits 2
  run "$weir" functions lenght
  exits 2
  tells 'there is no function `lenght`; did you mean `length`?'
fi
if t "adapters"; then
  run "$weir" adapters
  exits 0
  says 'file '
  run "$weir" adapters file
  exits 0
  says 'path'
  run "$weir" adapters --json file
  says '{"name":"file","source":true,"sink":true,'
  run "$weir" adapters kafka
  exits 2
fi
if t "infer: what it proposes is right and can be used"; then
  run "$weir" infer events.jsonl --event payment
  exits 0
  says 'event payment {'
  cp out inferred.weir
  run "$weir" check inferred.weir
  exits 0
  run "$weir" fmt --check inferred.weir
  exits 0
  run "$weir" infer events.csv.gz
  exits 0
  says 'event events {'
  run_in events.jsonl "$weir" infer - --event payment
  exits 0
  same out inferred.weir
  run_in /dev/null "$weir" infer -
  exits 1
  says_nothing
  tells 'standard input: error: there is no record'
  cp events.csv events.txt
  run "$weir" infer events.txt
  exits 1
  says_nothing
  tells 'events.txt: error: none of the 5 records could be read; the first: expected `{` at byte 1'
  tells 'CSV is what ends in `.csv`'
  run "$weir" infer events.txt --format csv
  exits 0
  cp out from_text
  run "$weir" infer events.csv
  same out from_text
  run_in events.csv "$weir" infer - --format csv --event events
  same out from_text
  run "$weir" infer only_header.csv
  exits 1
  tells 'only_header.csv: error: there is no record'
  echo '{"at":"2026-01-05T10:00:00Z","x":1e400}' >one.jsonl
  run "$weir" infer one.jsonl
  exits 0
  says '# Proposed from 1 record.'
  says 'out of the range of a float, taken as null: 1'
  run "$weir" infer nothing.jsonl
  exits 3
  run "$weir" infer
  exits 2
fi
if t "infer: CSV with other separators"; then
  for separator in ';' '|' '\t'; do
    tr ',' "$separator" <events.csv >separated.csv
    run "$weir" infer separated.csv
    exits 0
    tells 'weir infer: note: the header of separated.csv has one column only: cells stand between commas'
  done
  run "$weir" infer events.csv
  tells_nothing
fi
if t "infer: as JSON"; then
  run "$weir" infer events.jsonl --json
  exits 0
  says '{"format_version":1,'
fi
if t "version"; then
  run "$weir" version
  exits 0
  says 'weir '
  says 'semantics 1'
  says 'pcre2 '
  run "$weir" --version
  exits 0
  says 'weir '
  run "$weir" version --json
  exits 0
  lines 1
  says '"semantics":1'
fi

# ---- usage and help ----

if t "weir alone: usage"; then
  run "$weir"
  exits 2
  says_nothing
  tells 'weir VERB'
fi
if t "an unknown verb, with a hint"; then
  run "$weir" chek
  exits 2
  tells 'there is no `weir chek`; did you mean `weir check`?'
fi
if t "weir with an option alone"; then
  run "$weir" --verison
  exits 2
  tells 'there is no option `--verison` without a verb; did you mean `weir --version`?'
  run "$weir" -v
  exits 2
  tells 'there is no option `-v` without a verb; did you mean `weir --version`?'
  run "$weir" --input events.jsonl run rules
  exits 2
  tells 'there is no option `--input` without a verb: a verb stands first, as `weir run`'
  run "$weir" help rnu
  exits 2
  tells 'did you mean `weir run`?'
fi
if t "verbs of later versions"; then
  for verb in replay backtest plan push rollback log pause resume tail why state savepoint stats compare snooze erase stop warm repartition log-tool bench; do
    run "$weir" "$verb" x
    exits 2
    tells "this version does not have \`weir $verb\` yet"
    [ "$(wc -l <err)" -eq 1 ] || no "$verb: more than one line"
  done
fi
verbs=$("$weir" help --markdown | sed -n 's/^## weir //p')
if t "help of each verb"; then
  [ "$(wc -w <<<"$verbs")" -ge 10 ] || no "too few verbs: $verbs"
  run "$weir" help
  for verb in $verbs; do says "  $verb "; done
  for verb in $verbs; do
    run "$weir" help "$verb"
    exits 0
    says "weir $verb"
    says '--help'
    cp out help.out
    run "$weir" "$verb" --help
    exits 0
    same out help.out
    run "$weir" "$verb" -h
    exits 0
    same out help.out
  done
  run "$weir" help plan
  exits 2
fi
if t "completions name every verb and option"; then
  for shell in bash zsh fish; do
    run "$weir" help --completion $shell
    exits 0
    for verb in $verbs; do
      grep -qw -- "$verb" out || no "$shell lacks $verb"
      for option in $("$weir" help "$verb" | sed -n 's/^  \(-., \)\{0,1\}--\([a-z-]*\).*/\2/p'); do
        case $shell in
        fish) grep -q "seen_subcommand_from $verb.* -l $option " out || no "$shell lacks $verb --$option" ;;
        *) grep -q -- "--$option" out || no "$shell lacks $verb --$option" ;;
        esac
      done
    done
  done
fi
if t "the files of completions/ and docs/cli.md are what the program says"; then
  for pair in bash:completions/weir.bash zsh:completions/_weir fish:completions/weir.fish; do
    run "$weir" help --completion "${pair%%:*}"
    same out "$root/${pair#*:}"
  done
  run "$weir" help --markdown
  same out "$root/docs/cli.md"
fi
if t "bash completion works"; then
  cat >complete.sh <<'SH'
source "$1"
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _weir; echo "${COMPREPLY[*]}"; }
complete_words weir ch
complete_words weir run rules --me
complete_words weir run rules --order ''
complete_words weir test --
SH
  run bash complete.sh "$root/completions/weir.bash"
  exits 0
  printf 'check\n--memory\narrival\n--junit --coverage --json --help\n' >completed
  same out completed
  tells_nothing
fi
for shell in zsh fish; do
  if command -v $shell >/dev/null; then
    if t "$shell reads its completions"; then
      file=$root/completions/weir.fish
      [ $shell = fish ] || file=$root/completions/_weir
      run $shell -n "$file"
      exits 0
    fi
  else
    skip "$shell reads its completions" "no $shell here"
  fi
done

# ---- terminals ----

on_terminal() { # command …: both streams on a terminal, into `out`
  script -qec "$(printf '%q ' "$@")" /dev/null >out 2>err </dev/null
  code=$?
}
escape=$'\e['
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
  if t "colours on a terminal, not with NO_COLOR, not elsewhere"; then
    on_terminal "$weir" check rules/events.weir wrong.weir
    exits 1
    says "${escape}1;31merror:"
    NO_COLOR=1 on_terminal "$weir" check rules/events.weir wrong.weir
    exits 1
    says_not "$escape"
    TERM=dumb on_terminal "$weir" check rules/events.weir wrong.weir
    says_not "$escape"
    run "$weir" check rules/events.weir wrong.weir
    says_not "$escape"
    tells_not "$escape"
  fi
  if t "a terminal gets a summary, and dead letters at most ten a second"; then
    for i in $(seq 500); do echo "no json"; done >bad.jsonl
    on_terminal "$weir" run rules --input bad.jsonl
    exits 0
    shown=$(grep -c '"dead_letter":"bad_json"' out)
    { [ "$shown" -ge 10 ] && [ "$shown" -le 100 ]; } || no "$shown dead letters on the terminal"
    says 'further dead letters are not shown'
    says '500 events in'
    says '500 refused'
  fi
else
  skip "terminals" "script(1) opens none here"
fi

finish
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
