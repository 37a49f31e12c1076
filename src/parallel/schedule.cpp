#include "parallel/schedule.hpp"

#include <array>

#include "base/error.hpp"

namespace tidemark::parallel {

namespace {
constexpr std::array modes{OverlapMode::none, OverlapMode::bulk, OverlapMode::ring};
}  // namespace

std::string_view name_of(OverlapMode mode) {
  switch (mode) {
    case OverlapMode::none:
      return "none";
    case OverlapMode::bulk:
      return "bulk";
    case OverlapMode::ring:
      return "ring";
  }
  return "unknown";
}

OverlapMode overlap_mode_of(std::string_view name) {
  for (const OverlapMode mode : modes) {
    if (name == name_of(mode)) return mode;
  }
  TIDEMARK_REQUIRE(false, "no schedule of this name");
  return OverlapMode::none;
}

}  // namespace tidemark::parallel
