// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/dump.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "bench/step/step.hpp"
#include "bench/verify/host_tensor.hpp"

namespace tidemark::bench {

namespace {

namespace fs = std::filesystem;

// The format is NumPy's NEP 1, version 1.0: magic, header length, header padded to 64 bytes, data.
template <class T>
std::string npy_header(const std::vector<std::int64_t>& shape) {
  constexpr std::size_t prefix = 10;
  static_assert(std::endian::native == std::endian::little, "npy headers here say '<'");
  std::string tuple;
  for (const std::int64_t extent : shape) {
    tuple += fmt::format("{}, ", extent);
  }
  std::string header =
      fmt::format("{{'descr': '<f{}', 'fortran_order': False, 'shape': ({}), }}", sizeof(T), tuple);
  header.append((64 - (prefix + header.size() + 1) % 64) % 64, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header;
}

template <class T>
void write_npy(const fs::path& path, const HostTensor<T>& tensor,
               const std::vector<std::int64_t>& shape) {
  std::ofstream file(path, std::ios::binary);
  const std::string header = npy_header<T>(shape);
  file.write(header.data(), static_cast<std::streamsize>(header.size()));
  file.write(reinterpret_cast<const char*>(tensor.values.data()),
             static_cast<std::streamsize>(tensor.values.size() * sizeof(T)));
  file.close();
  if (!file) {
    throw RunError(fmt::format("{}: cannot write the dump", path.string()));
  }
}

}  // namespace

template <class T>
void dump_case(model::Stack<T>& stack, std::int64_t micro_batch_size, const fs::path& folder) {
  const Device& device = stack.context().device;
  run_step<T>(stack, [&](std::string_view name, const Matrix<T>& tensor) {
    write_npy(folder / fmt::format("{}.npy", name), copy_to_host(device, tensor),
              {num_rows(tensor) / micro_batch_size, micro_batch_size, num_columns(tensor)});
  });
  if (stack.loss()) {
    write_npy(folder / "loss.npy", HostTensor<double>{1, 1, {*stack.loss()}}, {1});
  }
  for (const parallel::Parameter<T>& parameter : stack.store().parameters()) {
    const std::vector<std::int64_t> shape =
        parameter.spec.is_vector
            ? std::vector<std::int64_t>{parameter.spec.columns}
            : std::vector<std::int64_t>{parameter.spec.rows(), parameter.spec.columns};
    const std::string& name = parameter.spec.name;
    write_npy(folder / (name + ".npy"), copy_to_host(device, parameter.value), shape);
    write_npy(folder / (name + ".grad.npy"), copy_to_host(device, parameter.gradient), shape);
  }
}

template void dump_case(model::Stack<bfloat16>&, std::int64_t, const fs::path&);
template void dump_case(model::Stack<float>&, std::int64_t, const fs::path&);
template void dump_case(model::Stack<double>&, std::int64_t, const fs::path&);

}  // namespace tidemark::bench
