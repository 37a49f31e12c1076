// SPDX-License-Identifier: BSD-3-Clause
// Faults that tests plant in the doubles.
#pragma once

#include <string>

namespace tidemark::doubles {

enum class Kind {
  fail,  ///< the call returns an error, and does nothing
  hang,  ///< the call does not return
  skip,  ///< the call does nothing, and returns success
};

/// From now on, the `nth` call of `function` in this process (counted from 1) and every later one
/// have the fault. There is one fault at a time.
void plant(Kind kind, const std::string& function, int nth = 1);
void plant_nothing();

/// For the doubles: whether this call of `function` must have a fault of this kind. Each function
/// asks once per call for each kind that it knows.
bool strikes(Kind kind, const char* function);
/// The faults that every call may have. Hangs if the call must hang. Returns true if it must fail.
bool fails(const char* function);
/// Does not return.
[[noreturn]] void hang();

}  // namespace tidemark::doubles
