// SPDX-License-Identifier: BSD-3-Clause
#include "commands/keys.hpp"

#include "config/schema.hpp"
#include "report/print.hpp"

namespace tidemark::commands {

ExitStatus keys(const KeysArguments& arguments) {
  report::print(arguments.markdown ? config::key_table_markdown() : config::key_list());
  return ExitStatus::good;
}

}  // namespace tidemark::commands
