// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/statistics.hpp"
#include "criteria/objection.hpp"
#include "criteria/version.hpp"

namespace tidemark::criteria {

namespace {

using nlohmann::json;

/// Six digits are enough to read, and show a bound as it was written.
std::string shown(double value, const Unit& unit) {
  const std::string name = unit.name == "1" ? "" : " " + std::string(unit.name);
  return fmt::format("{:.6g}{}", value, name);
}

std::string percent(double share) { return fmt::format("{:.3g} %", share * 100.0); }

std::string label_of(const json& record, std::size_t line) {
  std::string name = "unnamed";
  if (const auto found = record.find("case"); found != record.end() && found->is_object()) {
    if (const auto given = found->find("name"); given != found->end()) name = text_of(*given);
  }
  const auto index = record.find("case_index");
  if (index == record.end() || !index->is_number_integer())
    return fmt::format("{}, line {}", name, line);
  return fmt::format("{} {}, line {}", name, index->get<std::int64_t>() + 1, line);
}

std::string case_of(const json& record) {
  const auto found = record.find("case");
  return found == record.end() ? "" : found->dump();
}

/// The first objection to the version of the record; empty if there is none.
std::string objection_of_conditions(const std::vector<Condition>& conditions, const json& record) {
  for (const Condition& condition : conditions) {
    std::string objection = version_objection(condition.path, record);
    if (!objection.empty()) return objection;
  }
  return "";
}

std::string bound_text(const Bounds& bounds) {
  if (bounds.least && bounds.most) {
    return fmt::format("{:.6g} to {}", *bounds.least, shown(*bounds.most, bounds.unit));
  }
  return bounds.least ? "at least " + shown(*bounds.least, bounds.unit)
                      : "at most " + shown(*bounds.most, bounds.unit);
}
std::string bound_text(const Equality& equality) {
  return fmt::format("{}", fmt::join(equality.values, " or "));
}
std::string bound_text(const Spread& spread) {
  const bool over_records = spread.over == Spread::Over::records;
  return fmt::format("spread at most {} over {}", percent(spread.most),
                     over_records ? "records" : "iterations");
}
std::string bound_text(const Straggler& straggler) {
  return fmt::format("at most {} above the median", percent(straggler.most));
}
std::string bound_text(const Validity&) { return "valid"; }

/// How far `value` is inside its bound, as a share of the bound.
double margin_of(double value, double bound, bool is_least) {
  const double inside = is_least ? value - bound : bound - value;
  return bound == 0.0 ? inside : inside / std::abs(bound);
}

std::optional<std::vector<double>> numbers_in(const json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<double> numbers;
  for (const json& element : list) {
    if (!element.is_number()) return std::nullopt;
    numbers.push_back(element.get<double>());
  }
  return numbers;
}

}  // namespace

std::set<std::string> wanted_keys(const std::vector<Criterion>& criteria) {
  std::set<std::string> keys{"schema_version", "kind",         "case", "case_index",
                             "valid",          "verification", "test"};
  for (const Criterion& criterion : criteria) {
    for (const Condition& condition : criterion.where) keys.insert(condition.path.root());
    if (const auto* const bounds = std::get_if<Bounds>(&criterion.demand)) {
      keys.insert(bounds->key.root());
    } else if (const auto* const equality = std::get_if<Equality>(&criterion.demand)) {
      keys.insert(equality->key.root());
    } else if (const auto* const spread = std::get_if<Spread>(&criterion.demand)) {
      keys.insert(spread->key.root());
    } else if (std::holds_alternative<Straggler>(criterion.demand)) {
      keys.insert("ranks_detail");
    }
  }
  return keys;
}

Judge::Judge(Criterion criterion) : criterion_(std::move(criterion)) {
  verdict_.name = criterion_.name;
  verdict_.where_written = criterion_.where_written;
  verdict_.bound =
      std::visit([](const auto& demand) { return bound_text(demand); }, criterion_.demand);
  verdict_.measured = "-";
  verdict_.label = "-";
}

bool Judge::is_about(const json& record) const {
  for (const Condition& condition : criterion_.where) {
    // The record's version does not say whether the condition holds. So the record is not skipped,
    // and it fails in look_at().
    if (!version_objection(condition.path, record).empty()) continue;
    const Found found = condition.path.find(record);
    const bool holds =
        std::any_of(found.values.begin(), found.values.end(), [&](const json* value) {
          return std::any_of(condition.values.begin(), condition.values.end(),
                             [&](const std::string& text) { return is_written_as(*value, text); });
        });
    if (!holds) return false;
  }
  // With a single rank there is no other rank to compare with.
  if (!std::holds_alternative<Straggler>(criterion_.demand)) return true;
  const auto ranks = record.find("ranks_detail");
  return ranks == record.end() || !ranks->is_array() || ranks->size() > 1;
}

void Judge::look_at(const json& record, std::size_t line) {
  if (!is_about(record)) return;
  ++verdict_.records;
  if (criterion_.min_cases > 1) cases_[version_of(record)].insert(case_of(record));
  const std::string label = label_of(record, line);
  const std::string unknown = objection_of_conditions(criterion_.where, record);
  if (!unknown.empty()) return fail(unknown, label);
  const std::size_t failed_before = verdict_.failed;
  std::visit([&](const auto& demand) { judge(demand, record, label); }, criterion_.demand);
  const std::string objection = objection_to(record);
  if (!objection.empty() && verdict_.failed == failed_before) fail(objection, label);
}

void Judge::fail(const std::string& reason, const std::string& label) {
  if (verdict_.failed == 0 && !least_margin_) verdict_.label = label;
  ++verdict_.failed;
  if (verdict_.reasons.size() < max_reasons) {
    verdict_.reasons.push_back(label.empty() ? reason : label + ": " + reason);
  }
}

void Judge::enter(const Finding& finding, const std::string& label) {
  if (!least_margin_ || finding.margin < *least_margin_) {
    least_margin_ = finding.margin;
    verdict_.measured = finding.measured;
    verdict_.label = label;
  }
  if (!finding.reason.empty()) fail(finding.reason, label);
}

void Judge::judge(const Bounds& bounds, const json& record, const std::string& label) {
  const Found found = find_in_version(bounds.key, record);
  if (found.values.empty()) return fail(found.missing, label);
  std::optional<Finding> worst;
  for (const json* const value : found.values) {
    if (!value->is_number()) {
      return fail(fmt::format("{} is {}, and no number", bounds.key.text(), value->type_name()),
                  label);
    }
    const double number = value->get<double>() * bounds.record_unit.factor / bounds.unit.factor;
    for (const bool is_least : {true, false}) {
      const std::optional<double>& bound = is_least ? bounds.least : bounds.most;
      if (!bound) continue;
      const double margin = margin_of(number, *bound, is_least);
      if (worst && worst->margin <= margin) continue;
      worst = Finding{margin, shown(number, bounds.unit), ""};
      if (margin < 0.0) {
        worst->reason = fmt::format("{} is {} {}", shown(number, bounds.unit),
                                    is_least ? "below" : "above", shown(*bound, bounds.unit));
      }
    }
  }
  enter(*worst, label);
}

void Judge::judge(const Equality& equality, const json& record, const std::string& label) {
  const Found found = find_in_version(equality.key, record);
  if (found.values.empty()) return fail(found.missing, label);
  for (const json* const value : found.values) {
    const bool holds = std::any_of(equality.values.begin(), equality.values.end(),
                                   [&](const auto& text) { return is_written_as(*value, text); });
    const std::string text = text_of(*value);
    enter({holds ? 1.0 : -1.0, text, holds ? "" : fmt::format("is {}", text)}, label);
    if (!holds) return;
  }
}

void Judge::judge_spread(const Spread& spread, const std::vector<double>& values,
                         const std::string& label) {
  if (values.size() < 2) {
    return fail("there is one value only, and nothing to compare it with", label);
  }
  const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
  const double median = bench::median_of(values);
  if (median == 0.0) return fail("the median is 0", label);
  const double width = (*highest - *lowest) / std::abs(median);
  const std::string measured = fmt::format("{} of {} values", percent(width), values.size());
  enter({spread.most - width, measured,
         width > spread.most ? fmt::format("{:.6g} to {:.6g} are {} apart, above {}", *lowest,
                                           *highest, percent(width), percent(spread.most))
                             : ""},
        label);
}

void Judge::judge(const Spread& spread, const json& record, const std::string& label) {
  const Found found = find_in_version(spread.key, record);
  if (found.values.empty()) return fail(found.missing, label);
  const json& value = *found.values.front();
  if (spread.over == Spread::Over::iterations) {
    const auto numbers = numbers_in(value);
    if (!numbers) return fail(fmt::format("{} is no list of numbers", spread.key.text()), label);
    return judge_spread(spread, *numbers, label);
  }
  if (!value.is_number()) return fail(fmt::format("{} is no number", spread.key.text()), label);
  Repeats& repeats = repeats_[{version_of(record), case_of(record)}];
  repeats.values.push_back(value.get<double>());
  repeats.label = label;
}

void Judge::judge(const Straggler& straggler, const json& record, const std::string& label) {
  static const RecordPath ranks = RecordPath::parse("ranks_detail[*].busy_ms", "");
  const Found found = ranks.find(record);
  if (found.values.empty()) return fail(found.missing, label);
  std::vector<double> busy;
  for (const json* const value : found.values) {
    if (!value->is_number()) return fail("ranks_detail[*].busy_ms is no number", label);
    busy.push_back(value->get<double>());
  }
  const double usual = bench::low_median_of(busy);
  if (usual <= 0.0) return fail("the ranks were never busy", label);
  const auto slowest = std::max_element(busy.begin(), busy.end());
  const double share = *slowest / usual - 1.0;
  const json& detail = record["ranks_detail"][static_cast<std::size_t>(slowest - busy.begin())];
  const std::string who =
      fmt::format("rank {} on {}", slowest - busy.begin(),
                  detail.contains("host") ? text_of(detail["host"]) : "unknown");
  enter({straggler.most - share, fmt::format("{} above, {}", percent(share), who),
         share > straggler.most
             ? fmt::format("{} is busy for {:.6g} ms a step, {} above the median of {:.6g} ms", who,
                           *slowest, percent(share), usual)
             : ""},
        label);
}

void Judge::judge(const Validity&, const json& record, const std::string& label) {
  const auto valid = record.find("valid");
  const std::string value = valid == record.end() ? "missing" : valid->dump();
  enter({value == "true" ? 1.0 : -1.0, value == "true" ? "valid" : "valid: " + value, ""}, label);
}

void Judge::finish() {
  if (const auto* const spread = std::get_if<Spread>(&criterion_.demand)) {
    for (const auto& [version_and_case, repeats] : repeats_) {
      judge_spread(*spread, repeats.values, repeats.label);
    }
    repeats_.clear();
  }
  // In a record of another version the same case has other settings, and must count only once.
  std::int64_t cases = 0;
  for (const auto& [version, resolved] : cases_) {
    cases = std::max(cases, static_cast<std::int64_t>(resolved.size()));
  }
  if (criterion_.min_cases > 1 && verdict_.records > 0 && cases < criterion_.min_cases) {
    fail(fmt::format("{} different case{} of the {} asked for", cases, cases == 1 ? "" : "s",
                     criterion_.min_cases),
         "");
  }
}

Verdict Judge::verdict() {
  finish();
  return verdict_;
}

}  // namespace tidemark::criteria
