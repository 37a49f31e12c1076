// SPDX-License-Identifier: BSD-3-Clause
// The reader of inputs on any bytes: cases, or one line of an InputError.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "config/sweep.hpp"
#include "one_line.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    static_cast<void>(tidemark::config::load_cases(text, "fuzz.yaml", {}));
  } catch (const tidemark::InputError& error) {
    tidemark::fuzz::require_one_line(error.what());
  }
  return 0;
}
