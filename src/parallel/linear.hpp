// Linear layers sharded over the tensor-parallel ranks (Shoeybi et al., "Megatron-LM", 2019), with
// the collectives at their outer ends (Korthikanti et al., 2022, for sequence parallelism).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "memory/ledger.hpp"
#include "parallel/arriving.hpp"
#include "parallel/context.hpp"
#include "parallel/parameters.hpp"
#include "parallel/product.hpp"
#include "parallel/rows_on_demand.hpp"

namespace tidemark::parallel {

/// Names under which a linear layer's activations stand in the ledger; string literals.
struct LinearNames {
  std::string_view input;           ///< what is saved for backward
  std::string_view gathered_input;  ///< under SP: the whole input while a product needs it
  std::string_view output;
  std::string_view output_shard;
  std::string_view input_gradient;
  std::string_view input_gradient_shard;
  std::string_view gathered_gradient;
  std::string_view arrived_parts = "";  ///< under SP and ring: what others add to a shard
};

/// What a linear layer is made of.
struct LinearSpec {
  std::string name;  ///< prefix of its parameters: "layers.0.qkv"
  int layer = 0;
  std::int64_t in = 0;   ///< global input width
  std::int64_t out = 0;  ///< global output width
  std::uint32_t weight_stream = 0;
  std::uint32_t bias_stream = 0;
  bool keeps_output = false;  ///< the output is kept for the backward pass by who receives it
  /// Under ring a part of the weight's gradient is left for the collective that follows, which has
  /// too little beside it: seven eighths under SP, for the gather in the backward of proj, and
  /// three eighths without, for the reduction in that of qkv. So both collectives have about as
  /// much.
  bool defers_weight_gradient = false;
  /// Where this rank's rows of a weight that is sharded by rows lie, if not an even share in the
  /// order of the ranks. Such a layer has no bias.
  kernels::Placement rows = {};
};

/// Who adds the bias of a linear layer: its product, or the kernel that follows. Or there is none.
enum class Bias { in_product, left_to_caller, none };

/// Y = X W^T with W [out, in] sharded by rows: each rank computes out/t columns of Y.
///
/// X is whole [s b, in] without SP (f at the input) and a shard [s b / t, in] with it (g at the
/// input). Y is [s b, out/t], of type Y: T, or Accumulate<T> where it must not be rounded.
template <class T, class Y = T>
class ColumnParallelLinear {
 public:
  using Tensor = memory::Tensor<T>;
  using Bias = parallel::Bias;

  ColumnParallelLinear(ParameterStore<T>& store, const Context& context, LinearSpec spec,
                       LinearNames names, Bias bias);
  /// Without a bias, and with a weight [out/t, in] that is another module's, too: `backward` writes
  /// its gradient, and the other adds to it.
  ColumnParallelLinear(Parameter<T>& shared_weight, LinearSpec spec, LinearNames names);

  /// Takes the input, keeps what backward needs, returns Y: without SP chunk by chunk where the
  /// input comes so.
  Arriving<Y> forward(const Context& context, Arriving<T> input);

  /// dY [s b, out/t] -> gradient of the input, in the input's shape and complete; writes the
  /// gradients of the weight and, when it was added here, of the bias. Frees the saved input.
  Tensor backward(const Context& context, memory::Tensor<Y> output_gradient);
  /// Begins what `backward` would begin with: to gather the input again, where that is necessary
  /// and goes on beside other work.
  void fetch_input(const Context& context);
  /// Frees the saved input unused.
  void forget() { saved_input_.reset(); }

  /// Empty where there is none.
  [[nodiscard]] Parameter<T>& bias() { return bias_ == nullptr ? no_bias_ : *bias_; }
  [[nodiscard]] Parameter<T>& weight() { return weight_; }

 private:
  void apply(const Context& context, const Matrix<T>& input, const Matrix<Y>& output,
             Beside beside);
  Arriving<Y> apply_by_chunks(const Context& context, Arriving<T> input, memory::Tensor<Y> output);
  void apply_shard_by_shard(const Context& context, Arriving<T>& shard, const Matrix<T>& whole,
                            const Matrix<Y>& output);
  void write_weight_gradient(const Context& context, const Matrix<Y>& dy, const Matrix<T>& x,
                             std::int64_t first_row, std::int64_t end_row, Beside beside);
  void write_parameter_gradients(const Context& context, const Matrix<Y>& dy, const Matrix<T>& x,
                                 std::int64_t end_row, Beside beside);
  void defer_weight_gradient(const Context& context, memory::Tensor<Y> dy, Tensor x,
                             std::int64_t first_row);
  void write_input_gradient(const Context& context, const Matrix<Y>& dy, const Matrix<T>& dx,
                            Beside beside);
  [[nodiscard]] Arriving<T> start_input_gradient(const Context& context, const Matrix<Y>& dy);
  [[nodiscard]] Arriving<T> reduce_by_chunks(const Context& context, const Matrix<Y>& dy,
                                             Tensor dx);
  [[nodiscard]] Arriving<T> scatter_shard_by_shard(const Context& context, const Matrix<Y>& dy,
                                                   Tensor dx);
  [[nodiscard]] Tensor new_input_gradient(const Context& context) const;
  Tensor overlapped_backward(const Context& context, memory::Tensor<Y> output_gradient);
  [[nodiscard]] bool gathers_again(const Context& context) const {
    return context.sequence && !context.keep_gathered;
  }
  [[nodiscard]] Tensor new_gathered_input(const Context& context) const {
    return context.ledger.tensor<T>(names_.gathered_input, spec_.layer,
                                    memory::TensorClass::transient, context.tokens, spec_.in);
  }
  [[nodiscard]] Tensor new_gradient_shard(const Context& context) const;

  LinearSpec spec_;
  LinearNames names_;
  Parameter<T>& weight_;
  Parameter<T>* bias_ = nullptr;  ///< null: there is none
  Parameter<T> no_bias_;
  bool adds_bias_ = false;
  Tensor saved_input_;
  Tensor gathered_;          ///< the input, gathered again
  comm::Request gathering_;  ///< after it, since it uses it
};

/// Y = X W^T with W [out, in] sharded by columns: each rank's product is a part of the sum Y.
///
/// X is [s b, in/t]. Y is whole [s b, out] without SP (all-reduce) and a shard [s b / t, out] with
/// it (reduce-scatter). The bias, replicated, is left to the kernel that follows, or every rank
/// would add it to the sum; there may be none.
template <class T>
class RowParallelLinear {
 public:
  using Tensor = memory::Tensor<T>;

  RowParallelLinear(ParameterStore<T>& store, const Context& context, LinearSpec spec,
                    LinearNames names, Bias bias = Bias::left_to_caller);

  /// Takes and keeps the input, returns Y, summed over the ranks; under ring, chunk by chunk. By
  /// then all of the input has been asked for.
  Arriving<T> forward(const Context& context, Arriving<T> input);
  /// The same; under ring the input's rows are asked for in the order in which they are needed:
  /// with SP those whose sums belong to other ranks come first. The last are made with the last of
  /// Y.
  Arriving<T> forward(const Context& context, RowsOnDemand<T> input);

  /// dY in the shape of Y -> gradient of the input [s b, in/t]; writes the weight's gradient. Frees
  /// the saved input, or hands it over where `input` is given. The bias's gradient is the caller's.
  ///
  /// Under ring with SP `meanwhile` is called when dY has been gathered: the products that are left
  /// may hide another collective. Unless the input is handed over, under ring the weight's gradient
  /// is left for the reduction in the column-parallel product's backward that follows; with SP only
  /// its part from the rows that come last.
  Tensor backward(const Context& context, Tensor output_gradient,
                  const std::function<void()>& meanwhile = {}, Tensor* input = nullptr);
  /// Frees the saved input unused.
  void forget() { saved_input_.reset(); }

  /// Empty where there is none.
  [[nodiscard]] Parameter<T>& bias() { return bias_ == nullptr ? no_bias_ : *bias_; }

 private:
  void apply(const Context& context, const Matrix<T>& input, const Matrix<T>& output,
             Beside beside);
  [[nodiscard]] Tensor new_partial(const Context& context) const;
  Arriving<T> scatter_shard_by_shard(const Context& context, RowsOnDemand<T> input);
  Arriving<T> reduce_by_chunks(const Context& context, Arriving<T> input);
  Tensor backward_shard_by_shard(const Context& context, const Matrix<T>& shard, Tensor whole,
                                 const std::function<void()>& meanwhile, bool defers);
  void defer_weight_gradient(const Context& context, Tensor whole, const Matrix<T>& dy,
                             const Matrix<T>& x, Into into);
  void write_weight_gradient(const Context& context, const Matrix<T>& dy, const Matrix<T>& x,
                             Beside beside, Into into);
  void write_input_gradient(const Context& context, const Matrix<T>& dy, const Matrix<T>& dx,
                            Beside beside);
  [[nodiscard]] Tensor new_output_shard(const Context& context) const;
  [[nodiscard]] Tensor new_input_gradient(const Context& context) const;
  void hand_over(Tensor* input);

  LinearSpec spec_;
  LinearNames names_;
  Parameter<T>& weight_;
  Parameter<T>* bias_ = nullptr;  ///< null: there is none
  Parameter<T> no_bias_;
  Tensor saved_input_;
};

}  // namespace tidemark::parallel
