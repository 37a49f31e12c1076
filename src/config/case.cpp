// SPDX-License-Identifier: BSD-3-Clause
#include "config/case.hpp"

namespace tidemark::config {

std::string Case::locate(const std::string& key) const {
  const std::string section = key.substr(0, key.find('.'));
  for (const std::string& place : {key, section, std::string()}) {
    if (const auto found = locations.find(place); found != locations.end()) return found->second;
  }
  return "case " + std::to_string(index);  // not read from an input
}

}  // namespace tidemark::config
