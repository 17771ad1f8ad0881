#pragma once

#include "decoder/cuda/vector_kernel.h"

namespace cigli {

// What Winograd's minimal filtering F(M, 3) does along one axis (Lavin and Gray 2016, "Fast Algorithms for
// Convolutional Neural Networks", section 4): M outputs y = A^T [(G g) * (B^T d)] of M + 2 inputs d and a filter g of
// 3, with M + 2 multiplications. T is a number or a vector of them.
template <int M>
struct WinogradTransforms;

template <>
struct WinogradTransforms<2> {
  template <class T>
  CIGLI_INLINE static void input(const T (&d)[4], T (&v)[4]) {  // B^T d
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[1] - d[3];
  }
  template <class T>
  CIGLI_INLINE static void output(const T (&m)[4], T (&y)[2]) {  // A^T m
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] - m[3];
  }
  template <class T>
  CIGLI_INLINE static void output_gradient(const T (&y)[2], T (&m)[4]) {  // A y
    m[0] = y[0];
    m[1] = y[0] + y[1];
    m[2] = y[0] - y[1];
    m[3] = -y[1];
  }
  template <class T>
  CIGLI_INLINE static void filter(const T (&g)[3], T (&u)[4]) {  // G g
    u[0] = g[0];
    u[1] = (g[0] + g[1] + g[2]) / 2;
    u[2] = (g[0] - g[1] + g[2]) / 2;
    u[3] = g[2];
  }
  template <class T>
  CIGLI_INLINE static void filter_gradient(const T (&u)[4], T (&g)[3]) {  // G^T u
    g[0] = u[0] + (u[1] + u[2]) / 2;
    g[1] = (u[1] - u[2]) / 2;
    g[2] = (u[1] + u[2]) / 2 + u[3];
  }
};

// From the points 0, 3/4, -3/4, 3/2, -3/2 and infinity. How large errors are depends on the points (Barabasz et al.
// 2020, "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks"); the largest is a
// third of that from the usual 0, 1, -1, 2, -2 (128 channels, standard normal).
template <>
struct WinogradTransforms<4> {
  static constexpr float near = 0.75F, far = 1.5F, near2 = near * near, far2 = far * far;
  static constexpr float product = near2 * far2, sum = near2 + far2;
  // 1 / the derivative of x (x^2 - near^2) (x^2 - far^2) at the points.
  static constexpr float at_zero = 1 / product, at_near = 1 / (2 * near2 * (near2 - far2)),
                         at_far = 1 / (2 * far2 * (far2 - near2));

  template <class T>
  CIGLI_INLINE static void input(const T (&d)[6], T (&v)[6]) {
    const T near_even = d[4] - far2 * d[2], near_odd = near * (d[3] - far2 * d[1]);
    const T far_even = d[4] - near2 * d[2], far_odd = far * (d[3] - near2 * d[1]);
    v[0] = d[4] - sum * d[2] + product * d[0];
    v[1] = near_even + near_odd;
    v[2] = near_even - near_odd;
    v[3] = far_even + far_odd;
    v[4] = far_even - far_odd;
    v[5] = d[5] - sum * d[3] + product * d[1];
  }
  template <class T>
  CIGLI_INLINE static void output(const T (&m)[6], T (&y)[4]) {
    const T near_even = m[1] + m[2], near_odd = near * (m[1] - m[2]);
    const T far_even = m[3] + m[4], far_odd = far * (m[3] - m[4]);
    y[0] = m[0] + near_even + far_even;
    y[1] = near_odd + far_odd;
    y[2] = near2 * near_even + far2 * far_even;
    y[3] = near2 * near_odd + far2 * far_odd + m[5];
  }
  template <class T>
  CIGLI_INLINE static void output_gradient(const T (&y)[4], T (&m)[6]) {
    const T near_even = y[0] + near2 * y[2], near_odd = near * (y[1] + near2 * y[3]);
    const T far_even = y[0] + far2 * y[2], far_odd = far * (y[1] + far2 * y[3]);
    m[0] = y[0];
    m[1] = near_even + near_odd;
    m[2] = near_even - near_odd;
    m[3] = far_even + far_odd;
    m[4] = far_even - far_odd;
    m[5] = y[3];
  }
  template <class T>
  CIGLI_INLINE static void filter(const T (&g)[3], T (&u)[6]) {
    const T near_even = g[0] + near2 * g[2], near_odd = near * g[1];
    const T far_even = g[0] + far2 * g[2], far_odd = far * g[1];
    u[0] = at_zero * g[0];
    u[1] = at_near * (near_even + near_odd);
    u[2] = at_near * (near_even - near_odd);
    u[3] = at_far * (far_even + far_odd);
    u[4] = at_far * (far_even - far_odd);
    u[5] = g[2];
  }
  template <class T>
  CIGLI_INLINE static void filter_gradient(const T (&u)[6], T (&g)[3]) {
    const T near_even = at_near * (u[1] + u[2]), near_odd = at_near * (u[1] - u[2]);
    const T far_even = at_far * (u[3] + u[4]), far_odd = at_far * (u[3] - u[4]);
    g[0] = at_zero * u[0] + near_even + far_even;
    g[1] = near * near_odd + far * far_odd;
    g[2] = near2 * near_even + far2 * far_even + u[5];
  }
};

// y = f x f^T: f(from, to) along the columns of x, then along its rows.
template <int N, int M, class T, class F>
CIGLI_INLINE void along_both(const T (&x)[N][N], T (&y)[M][M], const F& f) {
  T half[N][M];  // transposed
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    T column[N];
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) column[i] = x[i][j];
    f(column, half[j]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) {
    T row[N];
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) row[j] = half[j][i];
    f(row, y[i]);
  }
}

}  // namespace cigli
