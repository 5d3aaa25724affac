# report.awk - alerts for people, and how they stand against the truth (labels.csv, dead letters, alerts.jsonl, in this
# order). It reads the form in which Weir writes alerts and is no general reader of JSON. `run` calls it.

function text(name,   at, rest) { # a string member; messages of this example hold no quotes
  at = index($0, "\"" name "\":\"")
  if (at == 0) return ""
  rest = substr($0, at + length(name) + 4)
  return substr(rest, 1, index(rest, "\"") - 1)
}

function padded(time) { # 10:05:00Z and 10:05:00.120Z as texts of one length
  sub(/Z$/, "", time)
  if (index(time, ".") == 0) time = time "."
  return substr(time "000", 1, 23)
}

function person(key) { # card-0123 is the card of c0123
  sub(/^card-/, "c", key)
  return key
}

function coloured(severity) {
  if (severity == "critical" || severity == "high" || severity == "block") return red
  return severity == "medium" || severity == "review" ? yellow : dim
}

FILENAME != file { file = FILENAME; files++ }

files == 1 && FNR > 1 {
  split($0, field, ",")
  n = ++labels
  scenario[n] = field[1]; fraud[n] = field[2]; rule[n] = field[3]; key[n] = field[4]
  from[n] = padded(field[5]); to[n] = padded(field[6]); note[n] = field[7]
  if (!(field[3] in rules)) { rules[field[3]]; order[++rule_count] = field[3] }
  if (fraud[n]) frauds[rule[n]]++; else alike[rule[n]]++
}

files == 2 { if (/^{"late"/) late++; else refused++ }

files == 3 {
  name = text("rule"); time = padded(text("time")); severity = text("severity")
  if (!(name in rules)) { rules[name]; order[++rule_count] = name }
  rest = substr($0, index($0, "\"key\":{") + 7)
  split(rest, part, "\"")
  who = part[4]
  begin = text("cause") == "window" ? padded(text("from")) : time # a window speaks at its end of all that was in it
  said = text("message")
  if (text("cause") == "band") { # of a group
    match($0, /"rules":\[[^]]*/)
    said = substr($0, RSTART + 9, RLENGTH - 9)
    gsub(/"/, "", said)
    gsub(/,/, ", ", said)
    said = who ": " said
    match($0, /"score":[0-9]+,"action"/)
    severity = text("action")
    said = said ", score " substr($0, RSTART + 8, RLENGTH - 17)
  }
  alerts++
  told[name]++
  verdict = 0 # of this alert: 1 a planted fraud, else an honest look-alike or nothing at all
  which = 0
  for (n = 1; n <= labels; n++)
    if (person(key[n]) == person(who) && from[n] <= time && begin <= to[n]) {
      which = n
      if (fraud[n]) { verdict = 1; if (rule[n] == name) found[n] = 1; helped[n] = helped[n] " " name }
      else loud[n] = 1
    }
  if (verdict) right[name]++
  else {
    wrong[name]++
    false_alarm[++false_alarms] = sprintf("  %s  %-21s %s (%s)", substr(time, 12, 8), name, who,
                                          which ? scenario[which] ": " note[which] : "nothing was planted")
  }
  printf "%s  %s%-8s%s  %-21s %s\n", substr(time, 12, 8), coloured(severity), severity, off, name, said
}

END {
  printf "\n%s%-22s%7s%7s%7s   %7s%7s%8s   %s%s\n", bold, "rule", "alerts", "right", "wrong", "frauds", "found", "missed",
         "honest look-alikes", off
  for (i = 1; i <= rule_count; i++) {
    name = order[i]
    hits = quiet = 0
    for (n = 1; n <= labels; n++) {
      if (rule[n] != name) continue
      if (fraud[n]) hits += found[n]
      else quiet += !loud[n]
    }
    line = alike[name] ? sprintf("%d of %d left alone", quiet, alike[name]) : ""
    printf "%-22s%7d%7d%7d   %7d%7d%8d   %s\n", name, told[name], right[name], wrong[name], frauds[name], hits,
           frauds[name] - hits, line
    all_right += right[name]; all_wrong += wrong[name]; all_frauds += frauds[name]; all_found += hits
    all_alike += alike[name]; all_quiet += quiet
  }
  printf "%s%-22s%7d%7d%7d   %7d%7d%8d   %d of %d left alone%s\n\n", bold, "together", alerts, all_right, all_wrong, all_frauds,
         all_found, all_frauds - all_found, all_quiet, all_alike, off
  print "Missed:"
  for (n = 1; n <= labels; n++)
    if (fraud[n] && !found[n])
      printf "  %-27s %-11s %s%s\n", scenario[n], key[n], note[n], helped[n] == "" ? "" : " (but told by" helped[n] ")"
  print "False alarms:"
  for (i = 1; i <= false_alarms; i++) print false_alarm[i]
  printf "\nNot taken (%s): %d record%s refused, %d event%s too late.\n", dead, refused, refused == 1 ? "" : "s", late,
         late == 1 ? "" : "s"
}
