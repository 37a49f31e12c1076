// SPDX-License-Identifier: BSD-3-Clause
#include "commands/resume.hpp"

#include <map>
#include <system_error>

#include "report/record.hpp"
#include "report/record_reader.hpp"

namespace tidemark::commands {

std::vector<bool> finished_cases(const std::filesystem::path& results,
                                 const std::vector<config::Case>& cases) {
  std::map<nlohmann::json, int> records;  // number of valid ones, by resolved case
  report::RecordVisitor visitor;
  visitor.keys = {"kind", "valid", "test", "case"};
  visitor.record = [&](const nlohmann::json& record, std::size_t) {
    // An older version does not measure the same as this one, so the case is run again.
    const bool counts = record["schema_version"] == report::schema_version &&
                        record["kind"] == "run" &&
                        record.value("valid", nlohmann::json()) == true &&
                        record.value("test", nlohmann::json()).is_null();
    if (counts && record.contains("case")) ++records[record["case"]];
  };
  visitor.damage = [](const report::DamagedLine&) {};
  std::error_code ignored;
  if (std::filesystem::exists(results, ignored)) report::read_records(results, visitor);
  std::vector<bool> finished;
  for (const config::Case& c : cases) {
    const auto found = records.find(nlohmann::json(report::case_json(c)));
    finished.push_back(found != records.end() && found->second-- > 0);
  }
  return finished;
}

std::string text_of(const std::vector<bool>& finished) {
  std::string text;
  for (const bool is_finished : finished) text += is_finished ? '1' : '0';
  return text;
}

}  // namespace tidemark::commands
