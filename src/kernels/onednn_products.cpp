// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/onednn_products.hpp"

#include <omp.h>

#include <cstddef>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark::kernels::onednn {

namespace {

using Dims = dnnl::memory::dims;

dnnl::memory::data_type type_of(DType dtype) {
  return dtype == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

/// [rows, columns] of op(X), or [batch, rows, columns].
dnnl::memory::desc description_of(const Operand& x, std::int64_t batch, std::int64_t rows,
                                  std::int64_t columns) {
  const std::int64_t by_row = x.transposed ? 1 : x.row_stride;
  const std::int64_t by_column = x.transposed ? x.row_stride : 1;
  if (batch == 1) return {Dims{rows, columns}, type_of(x.dtype), Dims{by_row, by_column}};
  // A distance of 0 means one matrix for all members.
  const std::int64_t members = x.distance == 0 ? 1 : batch;
  const std::int64_t distance = x.distance == 0 ? rows * columns : x.distance;
  return {Dims{members, rows, columns}, type_of(x.dtype), Dims{distance, by_row, by_column}};
}

/// All that a primitive depends on. Pointers are not among it.
auto key_of(const LibraryProduct& p, bool has_bias) {
  const auto of = [&](const Operand& x) {
    return std::tuple(x.dtype, x.row_stride, x.transposed, p.batch == 1 ? 0 : x.distance);
  };
  return std::tuple(p.m, p.n, p.k, p.batch, of(p.a), of(p.b), of(p.c), p.beta, has_bias,
                    omp_get_max_threads());
}
using Key = decltype(key_of({}, false));

/// A matrix product that is compiled for one shape, and the memory objects of its arguments.
class Primitive {
 public:
  Primitive(const dnnl::engine& engine, const LibraryProduct& p, bool has_bias)
      : description_(describe(engine, p, has_bias)), matmul_(description_) {
    const auto argument = [&](int which, const dnnl::memory::desc& desc) {
      arguments_.emplace(which, dnnl::memory(desc, engine, DNNL_MEMORY_NONE));
    };
    argument(DNNL_ARG_SRC, description_.src_desc());
    argument(DNNL_ARG_WEIGHTS, description_.weights_desc());
    argument(DNNL_ARG_DST, description_.dst_desc());
    argument(DNNL_ARG_SCRATCHPAD, description_.scratchpad_desc());
    if (has_bias) argument(DNNL_ARG_BIAS, description_.bias_desc());
  }

  [[nodiscard]] std::size_t scratch_bytes() const {
    return description_.scratchpad_desc().get_size();
  }

  void execute(const dnnl::stream& stream, const LibraryProduct& p, const void* bias,
               void* scratch) {
    set(DNNL_ARG_SRC, p.a.data);
    set(DNNL_ARG_WEIGHTS, p.b.data);
    set(DNNL_ARG_DST, p.c.data);
    set(DNNL_ARG_SCRATCHPAD, scratch);
    if (bias != nullptr) set(DNNL_ARG_BIAS, bias);
    matmul_.execute(stream, arguments_);
  }

 private:
  static dnnl::matmul::primitive_desc describe(const dnnl::engine& engine, const LibraryProduct& p,
                                               bool has_bias) {
    const dnnl::memory::desc a = description_of(p.a, p.batch, p.m, p.k);
    const dnnl::memory::desc b = description_of(p.b, p.batch, p.k, p.n);
    const dnnl::memory::desc c = description_of(p.c, p.batch, p.m, p.n);
    dnnl::memory::desc bias;
    if (has_bias) {
      const bool is_batch = p.batch > 1;
      bias = {is_batch ? Dims{1, 1, p.n} : Dims{1, p.n}, type_of(p.c.dtype),
              is_batch ? Dims{p.n, p.n, 1} : Dims{p.n, 1}};
    }
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    // Whatever ONEDNN_DEFAULT_FPMATH_MODE says, fp32 is not rounded to bf16.
    attributes.set_fpmath_mode(dnnl::fpmath_mode::strict);
    if (p.beta != 0.0) {
      dnnl::post_ops sum;
      sum.append_sum(static_cast<float>(p.beta));
      attributes.set_post_ops(sum);
    }
#if DNNL_VERSION_MAJOR >= 3
    return has_bias ? dnnl::matmul::primitive_desc(engine, a, b, bias, c, attributes)
                    : dnnl::matmul::primitive_desc(engine, a, b, c, attributes);
#else
    const auto operation =
        has_bias ? dnnl::matmul::desc(a, b, bias, c) : dnnl::matmul::desc(a, b, c);
    return {operation, attributes, engine};
#endif
  }

  // oneDNN only reads its inputs, but its interface takes all pointers without const.
  void set(int which, const void* data) {
    arguments_.at(which).set_data_handle(const_cast<void*>(data));
  }

  dnnl::matmul::primitive_desc description_;
  dnnl::matmul matmul_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

/// One primitive per shape, because making one compiles code. All use one scratch buffer.
class Primitives {
 public:
  void multiply(const LibraryProduct& p, const void* bias) {
    const Key key = key_of(p, bias != nullptr);
    auto found = primitives_.find(key);
    if (found == primitives_.end()) {
      found = primitives_.emplace(key, Primitive(engine_, p, bias != nullptr)).first;
      if (found->second.scratch_bytes() > scratch_.size()) {
        scratch_.resize(found->second.scratch_bytes());
      }
    }
    found->second.execute(stream_, p, bias, scratch_.data());
    stream_.wait();
  }

  [[nodiscard]] std::size_t scratch_bytes() const { return scratch_.size(); }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<std::byte> scratch_;
  std::map<Key, Primitive> primitives_;
};

Primitives& primitives() {
  static Primitives all;
  return all;
}

bool is_among(dnnl::cpu_isa isa, dnnl::cpu_isa wanted) {
  const auto bits = static_cast<unsigned>(wanted);
  return (static_cast<unsigned>(isa) & bits) == bits;
}

const char* name_of(dnnl::cpu_isa isa) {
  // From the most to the least capable: each includes the next ones.
  constexpr std::pair<dnnl::cpu_isa, const char*> known[] = {
      {dnnl::cpu_isa::avx512_core_amx, "avx512_core_amx"},
      {dnnl::cpu_isa::avx512_core_bf16, "avx512_core_bf16"},
      {dnnl::cpu_isa::avx512_core_vnni, "avx512_core_vnni"},
      {dnnl::cpu_isa::avx512_core, "avx512_core"},
      {dnnl::cpu_isa::avx2, "avx2"}};
  for (const auto& [set, name] : known) {
    if (is_among(isa, set)) return name;
  }
  return "another instruction set";
}

}  // namespace

bool is_built() { return true; }

bool has_native_bf16() {
#if defined(__x86_64__)
  return is_among(dnnl::get_effective_cpu_isa(), dnnl::cpu_isa::avx512_core_bf16);
#else
  return false;
#endif
}

bool takes(DType dtype) { return dtype == DType::fp32 || dtype == DType::bf16; }

void multiply(const LibraryProduct& product, const void* bias) {
  TIDEMARK_REQUIRE(product.alpha == 1.0, "oneDNN gets products with alpha 1 only");
  TIDEMARK_REQUIRE(bias == nullptr || product.beta == 0.0, "a bias goes with beta 0");
  if (product.m == 0 || product.n == 0 || product.batch == 0) return;
  try {
    primitives().multiply(product, bias);
  } catch (const dnnl::error& error) {
    throw RunError(fmt::format("oneDNN refused the product of [{}, {}] and [{}, {}] in {}: {}",
                               product.m, product.k, product.k, product.n,
                               tidemark::name_of(product.a.dtype), error.what()));
  }
}

std::int64_t scratch_bytes() { return static_cast<std::int64_t>(primitives().scratch_bytes()); }

std::string description() {
  const dnnl_version_t* const version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{} ({})", version->major, version->minor, version->patch,
                     name_of(dnnl::get_effective_cpu_isa()));
}

}  // namespace tidemark::kernels::onednn
