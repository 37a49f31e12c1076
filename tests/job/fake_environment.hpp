// SPDX-License-Identifier: BSD-3-Clause
// An environment that a test makes.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "job/variables.hpp"

namespace tidemark::job::testing {

inline Variables variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> const char* {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : found->second.c_str();
  };
}

}  // namespace tidemark::job::testing
