// SPDX-License-Identifier: BSD-3-Clause
// What the tests of src/config share: the line with which a call refuses its input.
#pragma once

#include <string>

#include "base/error.hpp"

namespace tidemark::config::testing {

/// The message of the InputError that `call` throws; "accepted" if it throws none. Other exceptions
/// pass through and fail the test.
template <class Call>
std::string refusal(Call&& call) {
  try {
    (void)call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace tidemark::config::testing
