#include "kernels/convert.hpp"

namespace tidemark::kernels {

template <class From, class To>
void convert(Device& device, const Matrix<From>& from, const Matrix<To>& to) {
  const int width = static_cast<int>(num_columns(from));
  for_each_row(
      device, "tidemark::convert", num_rows(from), KOKKOS_LAMBDA(const TeamMember& team) {
        const From* const in = row_pointer(from, team.league_rank());
        To* const out = row_pointer(to, team.league_rank());
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { out[j] = static_cast<To>(in[j]); });
      });
}

template void convert(Device&, const Matrix<bfloat16>&, const Matrix<float>&);
template void convert(Device&, const Matrix<float>&, const Matrix<bfloat16>&);
template void convert(Device&, const Matrix<bfloat16>&, const Matrix<bfloat16>&);
template void convert(Device&, const Matrix<float>&, const Matrix<float>&);
template void convert(Device&, const Matrix<double>&, const Matrix<double>&);

}  // namespace tidemark::kernels
