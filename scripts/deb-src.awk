# SPDX-License-Identifier: BSD-3-Clause
# Writes the `deb` entries of an apt source file that serve `suite` again as deb-src entries. They
# get all components of the entry, because Ubuntu keeps much of Debian's main in universe. They keep
# the options, above all Signed-By, which may hold a key of many lines.
# There are two formats: lines (.list), and deb822 (.sources) if `stanzas` is set, with one record
# per stanza.

!stanzas && /^[ \t]*deb[ \t]/ {
  sub(/#.*/, "")
  sub(/^[ \t]*deb[ \t]+/, "")
  options = match($0, /^\[[^]]*\]/) ? substr($0, RSTART, RLENGTH) " " : ""
  sub(/^\[[^]]*\]/, "")
  if ($2 == suite) print "deb-src " options $0
}

stanzas {
  serves_suite = 0
  enabled = 1
  kept = field = ""
  for (i = 1; i <= NF; ++i) {
    if ($i ~ /^#/) continue
    words = $i
    if ($i !~ /^[ \t]/) {
      field = tolower(substr($i, 1, index($i, ":") - 1))
      words = substr($i, index($i, ":") + 1)
    }
    gsub(/[ \t]+/, " ", words)
    words = " " words " "
    if (field == "suites") serves_suite = serves_suite || index(words, " " suite " ")
    else if (field == "enabled") enabled = words !~ /^ *(no|false|0) *$/
    else if (field != "types" && field != "architectures") kept = kept $i "\n"
  }
  if (serves_suite && enabled) print "Types: deb-src\nSuites: " suite "\n" kept
}
