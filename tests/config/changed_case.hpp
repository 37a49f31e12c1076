// SPDX-License-Identifier: BSD-3-Clause
// What the tests of validate() share: cases with some settings changed, and the verdicts on them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/refusal.hpp"
#include "config/schema.hpp"
#include "config/validate.hpp"

namespace tidemark::config::testing {

/// A good case with some settings changed, resolved. Its locations are `at KEY`.
inline Case changed(const std::vector<std::pair<std::string, Value>>& changes) {
  Case c;
  std::vector<std::pair<std::string, Value>> all = {{"model.num_layers", std::int64_t{2}},
                                                    {"model.hidden_size", std::int64_t{64}},
                                                    {"model.num_attention_heads", std::int64_t{4}},
                                                    {"model.seq_length", std::int64_t{32}}};
  all.insert(all.end(), changes.begin(), changes.end());
  for (const auto& [name, value] : all) {
    find_setting(name)->set(c, value);
    c.locations[name] = "at " + name;
  }
  resolve_defaults(c);
  return c;
}

/// What validate() says of a case.
inline std::string verdict(const Case& c) {
  return refusal([&] {
    validate(c);
    return 0;
  });
}

}  // namespace tidemark::config::testing
