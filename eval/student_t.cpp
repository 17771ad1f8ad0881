#include "eval/student_t.h"

#include <cmath>
#include <utility>

namespace cigli {

double student_t_tails(double t, double degrees) {
  if (degrees > 1e9) return std::erfc(t / std::sqrt(2.0));  // off by less than 1e-9
  // The regularised incomplete beta function I_x(degrees / 2, 1 / 2), x = degrees / (degrees + t^2), by its continued
  // fraction (Abramowitz & Stegun 1964, 26.5.8 and 26.7.1), where that converges fast, else of its complement.
  const double x = degrees / (degrees + t * t);
  double a = degrees / 2, b = 0.5, at = x;
  const bool mirrored = x > (a + 1) / (a + b + 2);
  if (mirrored) {
    std::swap(a, b);
    at = t * t / (degrees + t * t);
  }
  if (at <= 0) return mirrored ? 1 : 0;
  double c = 1, d = 1 / (1 - (a + b) * at / (a + 1)), fraction = d;
  for (int m = 1; m < 1000; ++m) {
    const double even = m * (b - m) * at / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= c * d;
    const double odd = -(a + m) * (a + b + m) * at / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    fraction *= c * d;
    if (std::abs(c * d - 1) < 1e-15) break;
  }
  const double area =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(at) + b * std::log1p(-at)) *
      fraction / a;
  return mirrored ? 1 - area : area;
}

double student_t_quantile(double p, double degrees) {
  const double tails = 2 * (p < 0.5 ? p : 1 - p);
  double low = 0, high = 1;
  while (student_t_tails(high, degrees) > tails && high < 1e100) high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (student_t_tails(middle, degrees) > tails ? low : high) = middle;
  }
  return p < 0.5 ? -high : high;
}

}  // namespace cigli
