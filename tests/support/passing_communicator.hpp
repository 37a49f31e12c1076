// SPDX-License-Identifier: BSD-3-Clause
// A communicator that passes everything on. It is the base of those that interfere.
#pragma once

#include <string_view>

#include "comm/wrappers/decorator.hpp"

namespace tidemark::support {

class PassingCommunicator : public comm::Decorator {
 public:
  using Decorator::Decorator;

  [[nodiscard]] std::string_view name() const noexcept override { return "passing"; }

  comm::Request post(const comm::Call& call) override { return inner_.post(call); }
  void wait(comm::Request& request) override { inner_.wait(request); }

  // The counters are those of the communicator that does the work.
  [[nodiscard]] const comm::Counters& counters() const noexcept override {
    return inner_.counters();
  }
  void attach(comm::CallLog* log) noexcept override { inner_.attach(log); }
};

}  // namespace tidemark::support
