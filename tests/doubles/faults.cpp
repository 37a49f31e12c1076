// SPDX-License-Identifier: BSD-3-Clause
#include "doubles/faults.hpp"

#include <chrono>
#include <mutex>
#include <thread>

#include "doubles/quiet.hpp"

namespace tidemark::doubles {

namespace {

struct Fault {
  Kind kind = Kind::fail;
  std::string function;
  int calls_to_go = 0;
};

std::mutex& mutex() {
  static std::mutex instance;
  return instance;
}
Fault& planted() {
  static Fault instance;
  return instance;
}

}  // namespace

void plant(Kind kind, const std::string& function, int nth) {
  const Quiet quiet;
  const std::lock_guard lock(mutex());
  planted() = {kind, function, nth};
}

void plant_nothing() { plant(Kind::fail, "", 0); }

bool strikes(Kind kind, const char* function) {
  const Quiet quiet;
  const std::lock_guard lock(mutex());
  Fault& fault = planted();
  if (fault.kind != kind || fault.function != function) return false;
  if (fault.calls_to_go > 1) {
    --fault.calls_to_go;
    return false;
  }
  return true;
}

bool fails(const char* function) {
  if (strikes(Kind::hang, function)) hang();
  return strikes(Kind::fail, function);
}

void hang() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

}  // namespace tidemark::doubles
