// SPDX-License-Identifier: BSD-3-Clause
#include "parallel/schedule.hpp"

namespace tidemark::parallel {

OverlapMode overlap_mode_of(config::OverlapMode setting) {
  switch (setting) {
    case config::OverlapMode::none:
      return OverlapMode::none;
    case config::OverlapMode::bulk:
      return OverlapMode::bulk;
    case config::OverlapMode::ring:
    case config::OverlapMode::automatic:
      break;
  }
  return OverlapMode::ring;
}

config::OverlapMode setting_of(OverlapMode mode) {
  switch (mode) {
    case OverlapMode::none:
      return config::OverlapMode::none;
    case OverlapMode::bulk:
      return config::OverlapMode::bulk;
    case OverlapMode::ring:
      break;
  }
  return config::OverlapMode::ring;
}

}  // namespace tidemark::parallel
