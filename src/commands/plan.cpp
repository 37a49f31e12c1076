// SPDX-License-Identifier: BSD-3-Clause
#include "commands/plan.hpp"

#include <memory>

#include "bench/dry_run/dry_run.hpp"
#include "commands/named_files.hpp"
#include "config/byte_size.hpp"
#include "config/device_memory.hpp"
#include "config/reader.hpp"
#include "config/sweep.hpp"
#include "report/plan_table.hpp"
#include "report/preset_table.hpp"
#include "report/print.hpp"
#include "report/provenance.hpp"
#include "report/record.hpp"
#include "report/record_file.hpp"
#include "report/table.hpp"

namespace tidemark::commands {

ExitStatus plan(const PlanArguments& arguments) {
  std::optional<std::int64_t> device_memory;
  if (arguments.device_memory) {
    device_memory = config::parse_byte_size(*arguments.device_memory, "--device-memory");
  }
  if (arguments.device) device_memory = config::memory_of_device(*arguments.device);
  require_distinct({{"the input", arguments.input}, {"--output", arguments.output}});
  const std::string text = config::read_text(arguments.input);
  const std::vector<config::Case> cases =
      config::load_cases(text, arguments.input, arguments.overrides);
  std::unique_ptr<report::RecordFile> output;
  if (arguments.output) {
    output = std::make_unique<report::RecordFile>(*arguments.output);
  }
  const auto provenance =
      report::provenance({arguments.command_line, arguments.input, text, 1}, nullptr);
  std::vector<bench::PlanResult> plans;
  for (const config::Case& c : cases) {
    plans.push_back(bench::plan_case(c));
    if (output) {
      output->append(report::plan_record(plans.back(), device_memory, provenance));
    }
  }
  report::print(report::shape_of(cases.front()) + ", dry run\n" + report::padding_lines(cases) +
                "\n" + report::plan_tables(plans, device_memory));
  return ExitStatus::good;
}

ExitStatus list_presets() {
  report::print(report::preset_table());
  return ExitStatus::good;
}

}  // namespace tidemark::commands
