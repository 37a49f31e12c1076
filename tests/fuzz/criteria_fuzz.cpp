// SPDX-License-Identifier: BSD-3-Clause
// The reader of criteria on any bytes: criteria, or one line of an InputError.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "criteria/reader.hpp"
#include "one_line.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    static_cast<void>(tidemark::criteria::read_criteria(text, "fuzz.yaml"));
  } catch (const tidemark::InputError& error) {
    tidemark::fuzz::require_one_line(error.what());
  }
  return 0;
}
