// SPDX-License-Identifier: BSD-3-Clause
#include "commands/plan.hpp"

#include <memory>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

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

namespace {

/// The libraries that the plans assume, each once.
std::set<std::string_view> libraries_of(const std::vector<bench::PlanResult>& plans) {
  std::set<std::string_view> libraries;
  for (const bench::PlanResult& plan : plans) {
    if (plan.products) libraries.insert(word_of(*plan.products));
  }
  return libraries;
}

}  // namespace

ExitStatus plan(const PlanArguments& arguments) {
  std::optional<std::int64_t> device_memory;
  if (arguments.device_memory) {
    device_memory = config::parse_byte_size(*arguments.device_memory, "--device-memory");
  }
  config::Products assumed = config::Products::automatic;
  if (arguments.device) {
    const config::KnownDevice& device = config::device_named(*arguments.device);
    device_memory = device.bytes;
    assumed = device.products;
  }
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
    plans.push_back(bench::plan_case(c, assumed, arguments.ranks_per_node));
    if (output) {
      output->append(report::plan_record(plans.back(), device_memory, provenance));
    }
  }
  const std::set<std::string_view> libraries = libraries_of(plans);
  report::print(fmt::format("{}, dry run{}{}\n{}\n{}", report::shape_of(cases.front()),
                            libraries.empty() ? "" : ", products by ", fmt::join(libraries, ", "),
                            report::padding_lines(cases),
                            report::plan_tables(plans, device_memory)));
  return ExitStatus::good;
}

ExitStatus list_presets() {
  report::print(report::preset_table());
  return ExitStatus::good;
}

}  // namespace tidemark::commands
