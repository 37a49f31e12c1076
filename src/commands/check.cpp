// SPDX-License-Identifier: BSD-3-Clause
#include "commands/check.hpp"

#include <vector>

#include <fmt/format.h>

#include "base/standard_streams.hpp"
#include "config/message.hpp"
#include "config/reader.hpp"
#include "criteria/evaluation.hpp"
#include "criteria/reader.hpp"
#include "criteria/verdict_table.hpp"
#include "report/print.hpp"
#include "report/record_reader.hpp"

namespace tidemark::commands {

namespace {

/// Accepts a damaged last line that is cut off, because a killed writer leaves such a line. Any
/// other damage means that the file was changed afterwards.
void tolerate(const std::string& file, const report::DamagedLine& line) {
  const std::string what = fmt::format("{}:{}: {}", file, line.number, line.reason);
  if (!line.is_cut_off) throw InputError(what);
  say_on_stderr(fmt::format("{}; warning: this last line is left out\n", what));
}

void refuse_unmatched(const std::vector<criteria::Verdict>& verdicts, std::size_t runs) {
  std::string line;
  std::size_t others = 0;
  for (const criteria::Verdict& verdict : verdicts) {
    if (verdict.records > 0) continue;
    if (!line.empty()) {
      ++others;
      continue;
    }
    line = fmt::format("{}: criterion '{}': no matching case among {} record{}",
                       verdict.where_written, verdict.name, runs, runs == 1 ? "" : "s");
  }
  if (line.empty()) return;
  if (others > 0) line += fmt::format("; nor for {} more", others);
  throw InputError(line);
}

/// Checks the keys that every criterion uses, because raw errors of the JSON library are hard to
/// understand.
void refuse_unless_readable(const nlohmann::json& record, const std::string& place) {
  const auto found = record.find("case");
  if (found == record.end()) throw InputError(place + ": case: missing");
  if (!found->is_object()) {
    throw InputError(fmt::format("{}: case: an object is expected, not {}", place,
                                 config::one_line(found->dump(), 40)));
  }
  const auto name = found->find("name");
  if (name == found->end()) throw InputError(place + ": case.name: missing");
  if (!name->is_string()) {
    throw InputError(fmt::format("{}: case.name: a text is expected, not {}", place,
                                 config::one_line(name->dump(), 40)));
  }
}

/// Lines that occur in the file more than once.
struct Repetitions {
  std::size_t count = 0, line = 0, first = 0;

  void tell(const std::string& file) const {
    if (count == 0) return;
    const std::string more = count > 1 ? fmt::format(" ({} such lines)", count) : std::string();
    say_on_stderr(fmt::format("{}:{}: the same record as in line {}, counted once{}\n", file, line,
                              first, more));
  }
};

}  // namespace

ExitStatus check(const CheckArguments& arguments) {
  const std::vector<criteria::Criterion> criteria =
      criteria::read_criteria(config::read_text(arguments.criteria), arguments.criteria);
  std::vector<criteria::Judge> judges(criteria.begin(), criteria.end());
  std::size_t runs = 0;
  report::RecordVisitor visitor;
  visitor.keys = criteria::wanted_keys(criteria);
  visitor.record = [&](const nlohmann::json& record, std::size_t line) {
    if (record["kind"] != "run") return;
    ++runs;
    const std::string place = fmt::format("{}:{}", arguments.results, line);
    refuse_unless_readable(record, place);
    try {
      for (criteria::Judge& judge : judges) judge.look_at(record, line);
    } catch (const nlohmann::json::exception& error) {
      throw InputError(fmt::format("{}: is no record that can be judged: {}", place, error.what()));
    }
  };
  Repetitions repetitions;
  visitor.repetition = [&](std::size_t line, std::size_t first) {
    if (repetitions.count++ > 0) return;
    repetitions.line = line;
    repetitions.first = first;
  };
  visitor.damage = [&](const report::DamagedLine& line) { tolerate(arguments.results, line); };
  const std::size_t records = report::read_records(arguments.results, visitor);
  repetitions.tell(arguments.results);
  if (runs == 0) {
    throw InputError(fmt::format("{}: holds no record of a run{}", arguments.results,
                                 records > 0 ? ", only plans" : ""));
  }
  std::vector<criteria::Verdict> verdicts;
  for (criteria::Judge& judge : judges) verdicts.push_back(judge.verdict());
  report::print(criteria::verdict_table(verdicts));
  refuse_unmatched(verdicts, runs);
  for (const criteria::Verdict& verdict : verdicts) {
    if (!verdict.passed()) return ExitStatus::invalid;
  }
  return ExitStatus::good;
}

}  // namespace tidemark::commands
