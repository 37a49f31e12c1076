// SPDX-License-Identifier: BSD-3-Clause
#include "comm/communicator.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/error.hpp"
#include "base/unwinding.hpp"

namespace tidemark::comm {

Request& Request::operator=(Request&& other) noexcept {
  if (this != &other) {
    finish();
    owner_ = std::exchange(other.owner_, nullptr);
    ticket_ = other.ticket_;
  }
  return *this;
}

void Request::finish() noexcept {
  if (!pending()) return;
  if (an_error_unwinds()) {
    owner_->abandon();
    owner_ = nullptr;
    return;
  }
  try {
    owner_->wait(*this);
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", error.what());
    std::_Exit(static_cast<int>(ExitStatus::failed));
  }
}

std::vector<Request> Communicator::exchange_together(std::span<const Exchange> messages,
                                                     std::size_t count, DType dtype,
                                                     Purpose purpose) {
  std::vector<Call> calls;
  for (const Exchange& m : messages) {
    calls.push_back({Operation::send_recv, purpose, dtype, m.send, m.recv, count, m.to, m.from});
  }
  return post_together(calls);
}

std::vector<Request> Communicator::post_together(std::span<const Call> exchanges) {
  std::vector<Request> requests;
  for (const Call& call : exchanges) requests.push_back(post(call));
  return requests;
}

}  // namespace tidemark::comm
