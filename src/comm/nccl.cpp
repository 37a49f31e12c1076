#include "comm/nccl.hpp"

#include <fmt/format.h>
#include <nccl.h>

#include <exception>

#include "base/error.hpp"
#include "comm/buffers.hpp"
#include "comm/nccl_buffers.hpp"
#include "comm/nccl_flights.hpp"
#include "comm/nccl_link.hpp"
#include "comm/nccl_watch.hpp"

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

/// All messages of a rank in one group, or each would wait for the other rank to receive first.
ncclResult_t launch_group(std::span<const Exchange> messages, std::size_t count,
                          ncclDataType_t type, ncclComm* comm, CudaStream stream) {
  const ncclResult_t started = ncclGroupStart();
  if (started != ncclSuccess) return started;
  ncclResult_t wrong = ncclSuccess;
  const auto note = [&wrong](ncclResult_t code) {
    if (!is_error(wrong) && is_error(code)) wrong = code;
  };
  for (const Exchange& m : messages) {
    note(ncclSend(m.send, count, type, m.to, comm, stream));
    note(ncclRecv(m.recv, count, type, m.from, comm, stream));
  }
  const ncclResult_t ended = ncclGroupEnd();
  return is_error(wrong) ? wrong : ended;
}

}  // namespace

NcclCommunicator::NcclCommunicator(std::unique_ptr<Communicator> control, CudaStream compute,
                                   std::chrono::duration<double> timeout)
    : watchdog_(timeout + NcclLink::grace(timeout), control->rank()),
      control_(std::move(control)),
      flights_(std::make_unique<NcclFlights>(compute, size())),
      link_(std::make_unique<NcclLink>(*control_, timeout, watchdog_)),
      buffers_(std::make_unique<NcclBuffers>(*link_, watchdog_)),
      watch_(std::make_unique<NcclWatch>(mutex_, *link_, *flights_, watchdog_, timeout, rank())) {}

NcclCommunicator::~NcclCommunicator() {
  if (std::uncaught_exceptions() > 0 || link_->is_broken()) return;
  try {
    catch_up();  // the watch sees to it that this ends
  } catch (const Error& error) {
    write_line(error.what());
    return;
  }
  // NCCL would go on with memory that is gone, and its owner call what is gone.
  if (const std::size_t bytes = buffers_->held_bytes(); bytes > 0) {
    write_line(link_->failure_line(
        "ending NCCL", fmt::format("{} bytes of buffers have not been given back", bytes)));
    end_process();
  }
}

/// With the lock; an error of CUDA's becomes one that says where and when, and ends the link.
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

void NcclCommunicator::require_apart(const void* block, const void* whole, std::size_t block_bytes,
                                     Operation operation) const {
  if (block == block_of(whole, block_bytes, rank())) return;
  if (are_apart(block, whole, block_bytes, size())) return;
  guarded(name_of(operation), [] { throw RunError("the buffers overlap"); });
}

/// `launch(comm, stream)` gives the call to NCCL.
template <class Launch>
Request NcclCommunicator::post(Operation operation, Purpose purpose, std::size_t message_bytes,
                               bool is_empty, const Launch& launch) {
  const char* const name = name_of(operation).data();
  return guarded(name, [&] {
    require_well(name);
    const NcclFlights::Call call{operation, purpose, static_cast<std::int64_t>(message_bytes)};
    const std::uint64_t ticket = flights_->depart(call, [&](CudaStream stream) {
      if (!is_empty) link_->launch(name, [&] { return launch(link_->get(), stream); });
    });
    return Request(*this, ticket);
  });
}

Request NcclCommunicator::all_reduce(void* buffer, std::size_t count, DType dtype,
                                     Purpose purpose) {
  return post(Operation::all_reduce, purpose, count * size_of(dtype), count == 0,
              [&](ncclComm* comm, CudaStream stream) {
                return ncclAllReduce(buffer, buffer, count, datatype_of(dtype), ncclSum, comm,
                                     stream);
              });
}

Request NcclCommunicator::all_gather(const void* send, void* recv, std::size_t count_per_rank,
                                     DType dtype, Purpose purpose) {
  const std::size_t block_bytes = count_per_rank * size_of(dtype);
  require_apart(send, recv, block_bytes, Operation::all_gather);
  return post(Operation::all_gather, purpose, block_bytes * static_cast<std::size_t>(size()),
              count_per_rank == 0, [&](ncclComm* comm, CudaStream stream) {
                return ncclAllGather(send, recv, count_per_rank, datatype_of(dtype), comm, stream);
              });
}

Request NcclCommunicator::reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                                         DType dtype, Purpose purpose) {
  const std::size_t block_bytes = count_per_rank * size_of(dtype);
  require_apart(recv, send, block_bytes, Operation::reduce_scatter);
  return post(Operation::reduce_scatter, purpose, block_bytes * static_cast<std::size_t>(size()),
              count_per_rank == 0, [&](ncclComm* comm, CudaStream stream) {
                return ncclReduceScatter(send, recv, count_per_rank, datatype_of(dtype), ncclSum,
                                         comm, stream);
              });
}

Request NcclCommunicator::exchange(const void* send, int to, void* recv, int from,
                                   std::size_t count, DType dtype, Purpose purpose) {
  const Exchange message{send, to, recv, from};
  return std::move(exchange_together({&message, 1}, count, dtype, purpose).front());
}

/// The first brings all to the library; what makes the others complete stands behind it.
std::vector<Request> NcclCommunicator::exchange_together(std::span<const Exchange> messages,
                                                         std::size_t count, DType dtype,
                                                         Purpose purpose) {
  std::vector<Request> requests;
  requests.reserve(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    requests.push_back(post(Operation::send_recv, purpose, count * size_of(dtype),
                            count == 0 || i > 0, [&](ncclComm* comm, CudaStream stream) {
                              return launch_group(messages, count, datatype_of(dtype), comm,
                                                  stream);
                            }));
  }
  return requests;
}

void NcclCommunicator::wait(Request& request) {
  if (!request.pending()) return;
  TIDEMARK_REQUIRE(request.owner() == this, "a request of another communicator");
  const std::uint64_t ticket = request.ticket();
  if (std::uncaught_exceptions() > 0) {
    // An error unwinds this rank, and the buffers of its calls with it: they end here.
    const std::lock_guard lock(mutex_);
    link_->abort();
    request.mark_complete();
    return;
  }
  guarded(name_of(flights_->operation_of(ticket)), [&] {
    require_well(name_of(flights_->operation_of(ticket)));
    flights_->land(ticket);
  });
  request.mark_complete();
}

void NcclCommunicator::poll() {
  guarded("NCCL", [&] { require_well("NCCL"); });
}

/// The host waits, without the lock, which the watch needs if this is not to last for ever.
void NcclCommunicator::catch_up() const {
  std::string trouble;
  try {
    flights_->drain();
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
  if (std::uncaught_exceptions() > 0 || is_lost()) return;
  try {
    catch_up();  // of kernels, too, which freeing need not wait for
    guarded("ncclMemFree", [&] { buffers_->release(memory); });
  } catch (const Error& error) {
    write_line(error.what());
  }
}

void NcclCommunicator::barrier() {
  guarded("barrier", [&] { flights_->settle(NcclFlights::Which::complete); });
  control_->barrier();
}

/// Enters all calls that have been waited for.
void NcclCommunicator::settle() const {
  catch_up();
  guarded("NCCL", [&] { flights_->settle(NcclFlights::Which::all); });
}

const Counters& NcclCommunicator::counters() const {
  settle();
  return flights_->account().counters();
}

void NcclCommunicator::reset_counters() {
  settle();
  flights_->account().reset();
}

void NcclCommunicator::attach(CallLog* log) noexcept {
  try {
    settle();
  } catch (const Error&) {
    // The link is broken now: whoever uses it next is told.
  }
  flights_->account().attach(log);
}

}  // namespace tidemark::comm
