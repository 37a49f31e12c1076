// SPDX-License-Identifier: BSD-3-Clause
#include "comm/nccl/nccl_communicator.hpp"

#include <nccl.h>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/unwinding.hpp"
#include "comm/buffers.hpp"
#include "comm/nccl/link.hpp"
#include "comm/nccl/pending_calls.hpp"
#include "comm/nccl/registered_buffers.hpp"
#include "comm/nccl/watch.hpp"

namespace tidemark::comm {

namespace {

ncclDataType_t datatype_of(DType dtype) {
  switch (dtype) {
    case DType::fp64:
      return ncclFloat64;
    case DType::fp32:
      return ncclFloat32;
    case DType::bf16:
      return ncclBfloat16;
  }
  return ncclNumTypes;
}

bool is_error(ncclResult_t code) { return code != ncclSuccess && code != ncclInProgress; }

/// Launches one collective on the stream.
ncclResult_t launch_collective(const Call& call, ncclComm* comm, CudaStream stream) {
  const ncclDataType_t type = datatype_of(call.dtype);
  switch (call.operation) {
    case Operation::all_reduce:
      return ncclAllReduce(call.recv, call.recv, call.count, type, ncclSum, comm, stream);
    case Operation::all_gather:
      return ncclAllGather(call.send, call.recv, call.count, type, comm, stream);
    case Operation::reduce_scatter:
      return ncclReduceScatter(call.send, call.recv, call.count, type, ncclSum, comm, stream);
    case Operation::send_recv:
      break;
  }
  return ncclInvalidArgument;
}

/// Launches all messages of this rank in one NCCL group. Without the group, each send would wait
/// until the other rank posts its receive.
ncclResult_t launch_group(std::span<const Call> messages, ncclComm* comm, CudaStream stream) {
  const ncclResult_t started = ncclGroupStart();
  if (started != ncclSuccess) return started;
  ncclResult_t wrong = ncclSuccess;
  const auto note = [&wrong](ncclResult_t code) {
    if (!is_error(wrong) && is_error(code)) wrong = code;
  };
  for (const Call& m : messages) {
    const ncclDataType_t type = datatype_of(m.dtype);
    note(ncclSend(m.send, m.count, type, m.to, comm, stream));
    note(ncclRecv(m.recv, m.count, type, m.from, comm, stream));
  }
  const ncclResult_t ended = ncclGroupEnd();
  return is_error(wrong) ? wrong : ended;
}

}  // namespace

NcclCommunicator::NcclCommunicator(std::unique_ptr<Communicator> control, CudaStream compute,
                                   std::chrono::duration<double> timeout)
    : watchdog_(timeout + NcclLink::grace(timeout), control->rank()),
      control_(std::move(control)),
      pending_(std::make_unique<NcclPendingCalls>(compute, size())),
      link_(std::make_unique<NcclLink>(*control_, timeout, watchdog_)),
      buffers_(std::make_unique<NcclBuffers>(*link_, watchdog_)),
      watch_(std::make_unique<NcclWatch>(mutex_, *link_, *pending_, watchdog_, timeout, rank())) {}

NcclCommunicator::~NcclCommunicator() {
  if (an_error_unwinds() || link_->is_broken()) return;
  try {
    catch_up();  // the watch ends this wait if it takes too long
  } catch (const Error& error) {
    job::write_line(error.what());
    return;
  }
  // NCCL would still use freed memory, and the owner would call a destroyed object.
  if (const std::size_t bytes = buffers_->held_bytes(); bytes > 0) {
    job::write_line(link_->failure_line(
        "ending NCCL", fmt::format("{} bytes of buffers have not been given back", bytes)));
    job::end_process();
  }
}

/// Runs `body` with the lock held. An error of CUDA breaks the link. It becomes a RunError with
/// operation, context and rank.
template <class Body>
auto NcclCommunicator::guarded(std::string_view operation, const Body& body) const {
  const std::lock_guard lock(mutex_);
  try {
    return body();
  } catch (const Error& error) {
    if (link_->is_broken()) throw;
    link_->fail(operation, error.what());
  }
}

void NcclCommunicator::require_well(std::string_view operation) const {
  if (const std::string trouble = link_->asynchronous_trouble(); !trouble.empty()) {
    link_->fail(operation, trouble);
  }
}

void NcclCommunicator::require_apart(const Call& call) const {
  if (!call.has_blocks()) return;
  const bool gathers = call.operation == Operation::all_gather;
  const void* const block = gathers ? call.send : call.recv;
  const void* const whole = gathers ? call.recv : call.send;
  if (block == block_of(whole, call.block_bytes(), rank())) return;
  if (are_apart(block, whole, call.block_bytes(), size())) return;
  guarded(name_of(call.operation), [] { throw RunError("the buffers overlap"); });
}

/// `launch(comm, stream)` passes the call to NCCL. It is not called if `launches` is false.
template <class Launch>
Request NcclCommunicator::start(const Call& call, bool launches, const Launch& launch) {
  const char* const name = name_of(call.operation).data();
  return guarded(name, [&] {
    require_well(name);
    const NcclPendingCalls::Entry entry{call.operation, call.purpose,
                                        static_cast<std::int64_t>(call.message_bytes(size()))};
    const std::uint64_t ticket = pending_->post(entry, [&](CudaStream stream) {
      if (launches) link_->launch(name, [&] { return launch(link_->get(), stream); });
    });
    return Request(*this, ticket);
  });
}

Request NcclCommunicator::post(const Call& call) {
  if (call.operation == Operation::send_recv) return std::move(post_together({&call, 1}).front());
  require_apart(call);
  return start(call, call.count > 0, [&](ncclComm* comm, CudaStream stream) {
    return launch_collective(call, comm, stream);
  });
}

/// The first call launches the whole group. The other calls launch nothing. Each of them records
/// its completion on the stream after the group.
std::vector<Request> NcclCommunicator::post_together(std::span<const Call> exchanges) {
  std::vector<Request> requests;
  requests.reserve(exchanges.size());
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    requests.push_back(start(
        exchanges[i], i == 0 && exchanges[i].count > 0,
        [&](ncclComm* comm, CudaStream stream) { return launch_group(exchanges, comm, stream); }));
  }
  return requests;
}

void NcclCommunicator::wait(Request& request) {
  if (!request.pending()) return;
  TIDEMARK_REQUIRE(request.owner() == this, "a request of another communicator");
  const std::uint64_t ticket = request.ticket();
  if (an_error_unwinds()) {
    // An error unwinds this rank and frees the buffers of its calls. So the abort ends all calls
    // here.
    const std::lock_guard lock(mutex_);
    link_->abort();
    request.mark_complete();
    return;
  }
  guarded(name_of(pending_->operation_of(ticket)), [&] {
    require_well(name_of(pending_->operation_of(ticket)));
    pending_->order_after(ticket);
  });
  request.mark_complete();
}

void NcclCommunicator::poll() {
  guarded("NCCL", [&] { require_well("NCCL"); });
}

/// The host waits without the lock. The watch needs the lock to end a wait that takes too long.
void NcclCommunicator::catch_up() const {
  std::string trouble;
  try {
    pending_->drain();
  } catch (const Error& error) {
    trouble = error.what();
  }
  guarded("NCCL", [&] {
    require_well("NCCL");
    if (!trouble.empty()) throw RunError(trouble);
  });
}

std::optional<MemorySource> NcclCommunicator::buffer_memory() {
  if (!nccl_registers_buffers()) return std::nullopt;
  const auto allocate = [this](std::size_t bytes) {
    return guarded("ncclMemAlloc", [&] {
      require_well("ncclMemAlloc");
      return buffers_->allocate(bytes);
    });
  };
  return MemorySource{allocate, [this](void* memory) { give_back(memory); }, NcclBuffers::unit};
}

std::int64_t NcclCommunicator::registered_bytes() const {
  const std::lock_guard lock(mutex_);
  return buffers_->registered_bytes();
}

void NcclCommunicator::give_back(void* memory) noexcept {
  const auto is_lost = [this] {
    const std::lock_guard lock(mutex_);
    return link_->is_broken();
  };
  if (an_error_unwinds() || is_lost()) return;
  try {
    catch_up();  // also waits for kernels, because freeing need not wait for them
    guarded("ncclMemFree", [&] { buffers_->release(memory); });
  } catch (const Error& error) {
    job::write_line(error.what());
  }
}

void NcclCommunicator::barrier() {
  guarded("barrier", [&] { pending_->account_for(NcclPendingCalls::Which::complete); });
  control_->barrier();
}

/// Enters all calls that have been waited for into the account.
void NcclCommunicator::account_for_all() const {
  catch_up();
  guarded("NCCL", [&] { pending_->account_for(NcclPendingCalls::Which::all); });
}

const Counters& NcclCommunicator::counters() const {
  account_for_all();
  return pending_->account().counters();
}

void NcclCommunicator::reset_counters() {
  account_for_all();
  pending_->account().reset();
}

void NcclCommunicator::attach(CallLog* log) noexcept {
  try {
    account_for_all();
  } catch (const Error&) {
    // The link is broken now, so the next use of the communicator throws.
  }
  pending_->account().attach(log);
}

}  // namespace tidemark::comm
