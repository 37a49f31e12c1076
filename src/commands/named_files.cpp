// SPDX-License-Identifier: BSD-3-Clause
#include "commands/named_files.hpp"

#include <cstddef>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark::commands {

namespace {

namespace fs = std::filesystem;

bool is_same(const fs::path& one, const fs::path& other) {
  std::error_code error;
  if (fs::exists(one, error) && !fs::is_regular_file(one, error) && !fs::is_directory(one, error)) {
    return false;
  }
  if (fs::equivalent(one, other, error)) return true;
  // Files that do not exist yet are the same if they have the same name in the same folder.
  const fs::path first = fs::weakly_canonical(fs::absolute(one, error), error);
  const fs::path second = fs::weakly_canonical(fs::absolute(other, error), error);
  return !first.empty() && first == second;
}

}  // namespace

void require_distinct(const std::vector<NamedFile>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    const NamedFile& file = files[i];
    if (!file.path) continue;
    if (file.path->empty()) {
      throw InputError(fmt::format("command line: {} names no file", file.option));
    }
    for (std::size_t k = 0; k < i; ++k) {
      if (files[k].path && is_same(*files[k].path, *file.path)) {
        throw InputError(fmt::format("command line: {} and {} name the same file: {}",
                                     files[k].option, file.option, *file.path));
      }
    }
  }
}

}  // namespace tidemark::commands
