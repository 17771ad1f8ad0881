#include <algorithm>
#include <numeric>

#include "decoder/cuda/arithmetic.h"
#include "decoder/cuda/device_kernels.h"
#include "decoder/cuda/pack.cuh"

// A block has whole groups of one sample, all places. Forward it reads x twice, for the moments and for y: N values
// take at least 3 N sizeof(T) bytes / bandwidth, 6 N with bfloat16 and 12 N with float32; what the second pass finds in
// the second cache makes it less.
//
// Backward it reads x and the gradient for the sums, and again for the result; of what the first pass reads, as much as
// fits stays in shared memory. Where all of it does, two reads and a write are left (3 N sizeof(T) bytes); where half
// of it does, at most three reads and a write (4 N sizeof(T): 8 N with bfloat16, 16 N with float32). Of larger images
// the part beyond is read four times. Largest images, in places, of a block with 32 bytes a place (bfloat16 in groups
// of 16 channels; float32 in those groups has twice as many bytes and half the places):
//   capability    shared memory    all kept        half kept
//   8.6, 8.9       99 KiB          1408 (37x37)    2816 (53x53)
//   8.0           163 KiB          2432 (49x49)    4864 (69x69)
//   9.0           227 KiB          3456 (58x58)    6912 (83x83)

namespace cigli {

extern __shared__ float4 shared_memory[];

namespace {

// Launch bounds ask for so few blocks at once that registers are left for four reads in flight a thread.
constexpr int kThreads = 256;

// A sample's channels by blocks: pieces of `width`, the last may be narrower.
struct Division {
  int width, pieces;
};

// Whole groups and packs, and at least the 32 bytes that memory is read in.
template <class T, int N>
Division divided(const GroupNormShape& s) {
  const std::int64_t unit = std::lcm(s.group, std::int64_t{N}), least = 32 / sizeof(T);
  const std::int64_t width = std::min((least + unit - 1) / unit * unit, s.channels);
  return {static_cast<int>(width), static_cast<int>((s.channels + width - 1) / width)};
}

// Of a thread: N channels, and every so many places of the sample.
template <int N>
struct View {
  __device__ View(const GroupNormShape& s, const Division& d)
      : sample(blockIdx.x / d.pieces),
        first(blockIdx.x % d.pieces * d.width),
        count(min(d.width, static_cast<int>(s.channels) - first)),
        packs(count / N),
        rows(kThreads / packs),
        row(threadIdx.x / packs),
        channel(threadIdx.x % packs * N),
        places(row < rows ? s.places : 0),
        values(sample * s.places * s.channels + first + channel),
        channels(sample * s.channels + first) {}
  std::int64_t sample;
  int first, count;      // channels of the block
  int packs, rows, row;  // the block's threads stand in `rows` of `packs`; those left over see no places
  int channel;           // from `first`
  std::int64_t places, values, channels;  // where the thread's values and what is given a sample and channel begin
};

// What the threads of a block have summed for their channels, over all of them, to totals [count]. `partial` is
// [N][kThreads].
template <int N>
__device__ void sum_rows(const View<N>& view, const float (&sums)[N], float* partial, float* totals) {
  float* const own = partial + threadIdx.x;
  for (int v = 0; v < N; ++v) own[v * kThreads] = sums[v];
  for (int rows = view.rows; rows > 1;) {
    const int half = (rows + 1) / 2;
    __syncthreads();
    if (view.row + half < rows)
      for (int v = 0; v < N; ++v) own[v * kThreads] += own[v * kThreads + half * view.packs];
    rows = half;
  }
  if (view.row == 0)
    for (int v = 0; v < N; ++v) totals[view.channel + v] = own[v * kThreads];
  __syncthreads();
}

template <int N, class T>
__device__ __forceinline__ void read_floats(const T* from, float (&to)[N]) {
  for (int v = 0; v < N; ++v) to[v] = to_float(from[v]);
}

template <class T>
__device__ const float* film_of(const T& pass, std::int64_t sample) {
  return pass.modulation ? pass.modulation + sample * 2 * pass.shape.channels : nullptr;
}

// Makes `scale` and `shift` [count] of the block's channels from the sums of add_deviation.
template <class T, int N>
__device__ void make_scales(const GroupNormForward<T>& pass, const View<N>& view, const float* origin, const float* sum,
                            const float* squares, float* scale, float* shift) {
  const GroupNormShape& s = pass.shape;
  const int group = static_cast<int>(s.group);
  for (int c = threadIdx.x; c < view.count; c += kThreads) {
    const int g = c / group * group;
    const std::int64_t at = view.channels + c, channel = view.first + c;
    const GroupMoments moments = group_moments(origin + g, sum + g, squares + g, group, s.places);
    const ScaleShift y =
        scale_shift(moments, pass.weight[channel], pass.bias[channel], film_of(pass, view.sample), s.channels, channel);
    scale[c] = pass.scale[at] = y.scale;
    shift[c] = pass.shift[at] = y.shift;
    pass.mean[at] = static_cast<float>(moments.mean);
    pass.inverse[at] = static_cast<float>(moments.inverse);
  }
  __syncthreads();
}

template <class T, int N>
__global__ void __launch_bounds__(kThreads, 3) forward_kernel(GroupNormForward<T> pass, Division division) {
  const GroupNormShape& s = pass.shape;
  const View<N> view(s, division);
  float* const partial = reinterpret_cast<float*>(shared_memory);
  float *const origins = partial + N * kThreads, *const sums = origins + view.count, *const squares = sums + view.count;
  float *const scales = squares + view.count, *const shifts = scales + view.count;

  const T* const x = pass.x + view.values;
  float origin[N], sum[N] = {}, square[N] = {};
  read_floats(x, origin);
#pragma unroll 4
  for (std::int64_t place = view.row; place < view.places; place += view.rows) {
    const Pack<T, N> values = load_pack<N>(x + place * s.channels);
    for (int v = 0; v < N; ++v) add_deviation(to_float(values.values[v]), origin[v], sum[v], square[v]);
  }
  if (view.row == 0)
    for (int v = 0; v < N; ++v) origins[view.channel + v] = origin[v];
  sum_rows(view, sum, partial, sums);
  sum_rows(view, square, partial, squares);
  make_scales(pass, view, origins, sums, squares, scales, shifts);

  float scale[N], shift[N];
  read_floats(scales + view.channel, scale);
  read_floats(shifts + view.channel, shift);
#pragma unroll 4
  for (std::int64_t place = view.row; place < view.places; place += view.rows) {
    Pack<T, N> values = load_pack<N>(x + place * s.channels);
    for (int v = 0; v < N; ++v)
      values.values[v] = from_float<T>(normalised(to_float(values.values[v]), scale[v], shift[v], s.relu));
    store_pack(pass.y + view.values + place * s.channels, values);
  }
}

// Makes `a`, `b` and `c` [count] of input_gradient from the sums of add_gradient; `a` and `product` are written over.
template <class T, int N>
__device__ void make_factors(const GroupNormBackward<T>& pass, const View<N>& view, const float* sum, float* product,
                             float* factor, float* a, float* b, float* c) {
  const GroupNormShape& s = pass.shape;
  const int group = static_cast<int>(s.group);
  for (int i = threadIdx.x; i < view.count; i += kThreads) {
    product[i] *= pass.inverse[view.channels + i];
    factor[i] = modulated_weight(pass.weight[view.first + i], film_of(pass, view.sample), view.first + i);
    pass.sum[view.channels + i] = sum[i];
    pass.product[view.channels + i] = product[i];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < view.count; i += kThreads) {
    const int g = i / group * group;
    const GradientMeans means = gradient_means(factor + g, sum + g, product + g, group, s.places);
    const std::int64_t at = view.channels + i;
    const InputGradient each = input_gradient(means, factor[i], pass.mean[at], pass.inverse[at]);
    a[i] = each.a;
    b[i] = each.b;
    c[i] = each.c;
  }
  __syncthreads();
}

// Of every thread the first `kept` packs that it reads, x and gradient by turns, stay in shared memory.
template <class T, int N>
__global__ void __launch_bounds__(kThreads, 2) backward_kernel(GroupNormBackward<T> pass, Division division, int kept) {
  const GroupNormShape& s = pass.shape;
  const View<N> view(s, division);
  float* const partial = reinterpret_cast<float*>(shared_memory);
  float *const sums = partial + N * kThreads, *const products = sums + division.width;
  float *const factors = products + division.width, *const as = factors + division.width;
  float *const bs = as + division.width, *const cs = bs + division.width;
  Pack<T, N>* const cache = reinterpret_cast<Pack<T, N>*>(cs + division.width) + threadIdx.x;

  const T *const x = pass.x + view.values, *const gradient = pass.gradient + view.values;
  float scale[N], shift[N], first[N], second[N] = {}, third[N] = {};
  read_floats(pass.scale + view.channels + view.channel, scale);
  read_floats(pass.shift + view.channels + view.channel, shift);
  read_floats(pass.mean + view.channels + view.channel, first);
  int slot = 0;
#pragma unroll 4
  for (std::int64_t place = view.row; place < view.places; place += view.rows, slot += 2) {
    const Pack<T, N> xs = load_pack<N>(x + place * s.channels), gs = load_pack<N>(gradient + place * s.channels);
    if (slot < kept) cache[slot * kThreads] = xs;
    if (slot + 1 < kept) cache[(slot + 1) * kThreads] = gs;
    for (int v = 0; v < N; ++v) {
      const float value = to_float(xs.values[v]);
      add_gradient(gated(to_float(gs.values[v]), value, scale[v], shift[v], s.relu), value, first[v], second[v],
                   third[v]);
    }
  }
  sum_rows(view, second, partial, sums);
  sum_rows(view, third, partial, products);
  make_factors(pass, view, sums, products, factors, as, bs, cs);

  read_floats(as + view.channel, first);
  read_floats(bs + view.channel, second);
  read_floats(cs + view.channel, third);
  slot = 0;
#pragma unroll 4
  for (std::int64_t place = view.row; place < view.places; place += view.rows, slot += 2) {
    const std::int64_t at = place * s.channels;
    Pack<T, N> xs = slot < kept ? cache[slot * kThreads] : load_pack<N>(x + at);
    const Pack<T, N> gs = slot + 1 < kept ? cache[(slot + 1) * kThreads] : load_pack<N>(gradient + at);
    for (int v = 0; v < N; ++v) {
      const float value = to_float(xs.values[v]);
      const float g = gated(to_float(gs.values[v]), value, scale[v], shift[v], s.relu);
      xs.values[v] = from_float<T>(backward(g, value, first[v], second[v], third[v]));
    }
    store_pack(pass.result + view.values + at, xs);
  }
}

// Takes less than the 48 KiB of shared memory that every kernel may have: the widest piece has 2040 channels.
template <int N, class T>
cudaError_t launch(const GroupNormForward<T>& pass, cudaStream_t stream) {
  const Division d = divided<T, N>(pass.shape);
  const std::size_t bytes = sizeof(float) * (N * kThreads + 5 * d.width);
  return launch_kernel({pass.shape.batch * d.pieces, kThreads, bytes, stream}, forward_kernel<T, N>, pass, d);
}

template <int N, class T>
cudaError_t launch(const GroupNormBackward<T>& pass, cudaStream_t stream) {
  const Division d = divided<T, N>(pass.shape);
  int device = 0, most = 0;
  cudaError_t fault = cudaGetDevice(&device);
  if (fault == cudaSuccess) fault = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  if (fault != cudaSuccess) return fault;
  const std::int64_t rows = kThreads / (d.width / N), all = 2 * ((pass.shape.places + rows - 1) / rows);
  const int needed = static_cast<int>(sizeof(float)) * (N * kThreads + 6 * d.width);
  const int slot = kThreads * static_cast<int>(sizeof(Pack<T, N>));
  const int kept = static_cast<int>(std::min<std::int64_t>(all, (most - needed) / slot)), bytes = needed + kept * slot;
  // The most, whatever this launch takes: the limit is the process's, and other threads may be starting theirs.
  fault = cudaFuncSetAttribute(backward_kernel<T, N>, cudaFuncAttributeMaxDynamicSharedMemorySize, most);
  if (fault != cudaSuccess) return fault;
  return launch_kernel({pass.shape.batch * d.pieces, kThreads, static_cast<std::size_t>(bytes), stream},
                       backward_kernel<T, N>, pass, d, kept);
}

// Packs of 16 bytes where all rows of channels begin at multiples of as much, or single values.
template <class T, class Pass, class... Pointers>
cudaError_t launch_any(const Pass& pass, cudaStream_t stream, const Pointers*... pointers) {
  constexpr int n = kPacked<T>;
  if (pass.shape.group > kLargestGroupOnGpu) return cudaErrorInvalidValue;
  return pass.shape.channels % n == 0 && aligned<n>(pointers...) ? launch<n>(pass, stream) : launch<1>(pass, stream);
}

}  // namespace

template <class T>
cudaError_t group_norm(const GroupNormForward<T>& pass, cudaStream_t stream) {
  return launch_any<T>(pass, stream, pass.x, pass.y);
}

template <class T>
cudaError_t group_norm(const GroupNormBackward<T>& pass, cudaStream_t stream) {
  return launch_any<T>(pass, stream, pass.x, pass.gradient, pass.result);
}

template cudaError_t group_norm(const GroupNormForward<float>&, cudaStream_t);
template cudaError_t group_norm(const GroupNormForward<std::uint16_t>&, cudaStream_t);
template cudaError_t group_norm(const GroupNormBackward<float>&, cudaStream_t);
template cudaError_t group_norm(const GroupNormBackward<std::uint16_t>&, cudaStream_t);

}  // namespace cigli
