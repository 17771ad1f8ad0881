// Compares every CUDA kernel with its twin on the processor, over the same random inputs; needs CUDA alone, or
// what emulates it. Prints a line a test; where there is no GPU, all are skipped. Ends with 1 where one fails.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "decoder/cuda/device_kernels.h"
#include "decoder/cuda/pixel_kernel.h"
#include "tests/cuda/gpu_tests.h"

namespace cigli {
namespace {

void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

float value_of(float value) { return value; }
float value_of(std::uint8_t value) { return value; }
float value_of(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

template <class T>
T made_of(float value);
template <>
float made_of(float value) {
  return value;
}
template <>
std::uint16_t made_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<std::uint16_t>(bits >> 16);
}

// The same values for the processor and for the GPU, there `shift` values behind an aligned address.
template <class T>
class Both {
 public:
  explicit Both(std::vector<T> values, int shift = 0) : here(std::move(values)), shift_(shift) {
    check(cudaMalloc(reinterpret_cast<void**>(&memory_), (here.size() + shift) * sizeof(T) + 16));
    send();
  }
  ~Both() { cudaFree(memory_); }
  Both(const Both&) = delete;
  Both& operator=(const Both&) = delete;
  T* there() { return memory_ + shift_; }
  void send() { check(cudaMemcpy(there(), here.data(), here.size() * sizeof(T), cudaMemcpyHostToDevice)); }

  // The largest difference of the two, as a share of the largest value; infinite where one alone is NaN.
  double distance() {
    std::vector<T> got(here.size());
    check(cudaMemcpy(got.data(), there(), got.size() * sizeof(T), cudaMemcpyDeviceToHost));
    double most = 0, largest = 1e-12;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double a = value_of(got[i]), b = value_of(here[i]);
      if (std::isnan(a) != std::isnan(b)) return std::numeric_limits<double>::infinity();
      if (std::isnan(a)) continue;
      most = std::max(most, std::abs(a - b));
      largest = std::max(largest, std::abs(b));
    }
    return most / largest;
  }
  std::vector<T> here;

 private:
  T* memory_ = nullptr;
  int shift_;
};

template <class T>
std::vector<T> random_values(std::int64_t count, float mean = 0) {
  static std::mt19937 engine(7);
  std::normal_distribution<float> normal(mean, 1);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = made_of<T>(normal(engine));
  return values;
}

constexpr auto here = [](auto& each) { return each.here.data(); };
constexpr auto there = [](auto& each) { return each.there(); };

template <class T>
constexpr double kBound = sizeof(T) == 4 ? 1e-5 : 1e-2;

void expect(double distance, double bound, const std::string& of) {
  if (!(distance <= bound)) throw std::runtime_error(of + " is off by " + std::to_string(distance));
}

template <class T>
void compare_group_norm(const GroupNormShape& s, bool modulated, int shift) {
  const std::int64_t values = s.batch * s.places * s.channels, channels = s.batch * s.channels;
  const auto zeros = [](std::int64_t count) { return std::vector<float>(static_cast<std::size_t>(count)); };
  const auto blank = [](std::int64_t count) { return std::vector<T>(static_cast<std::size_t>(count)); };
  Both<T> x(random_values<T>(values, 2), shift), gradient(random_values<T>(values), shift);
  Both<T> y(blank(values), shift), result(blank(values), shift);
  Both<float> weight(random_values<float>(s.channels)), bias(random_values<float>(s.channels));
  Both<float> film(random_values<float>(2 * channels));
  Both<float> scale(zeros(channels)), offset(zeros(channels)), mean(zeros(channels)), inverse(zeros(channels));
  Both<float> sum(zeros(channels)), product(zeros(channels));
  const auto forward = [&](auto where) {
    return GroupNormForward<T>{s,
                               where(x),
                               where(weight),
                               where(bias),
                               modulated ? where(film) : nullptr,
                               where(scale),
                               where(offset),
                               where(mean),
                               where(inverse),
                               where(y)};
  };
  const auto backward = [&](auto where) {
    return GroupNormBackward<T>{s,
                                where(x),
                                where(gradient),
                                where(weight),
                                modulated ? where(film) : nullptr,
                                where(scale),
                                where(offset),
                                where(mean),
                                where(inverse),
                                where(sum),
                                where(product),
                                where(result)};
  };
  group_norm(forward(here), 2);
  check(group_norm(forward(there), cudaStream_t{}));
  check(cudaDeviceSynchronize());
  expect(y.distance(), kBound<T>, "y");
  expect(std::max(scale.distance(), offset.distance()), 1e-5, "scale or shift");
  expect(std::max(mean.distance(), inverse.distance()), 1e-5, "mean or inverse");
  for (Both<float>* each : {&scale, &offset, &mean, &inverse}) each->send();  // so that ReLU bends at the same values
  group_norm(backward(here), 2);
  check(group_norm(backward(there), cudaStream_t{}));
  check(cudaDeviceSynchronize());
  expect(std::max(sum.distance(), product.distance()), 1e-5, "sum or product");
  expect(result.distance(), kBound<T>, "gradient");
}

template <class T>
void compare_update(std::int64_t count, int branches, bool with_x, bool with_e) {
  Both<float> x(random_values<float>(count)), e(random_values<float>(count));
  Both<float> made(std::vector<float>(static_cast<std::size_t>(count)));
  Both<T> clean(random_values<T>(branches * count));
  const auto update = [&](auto where) {
    return GuidedUpdate<T>{count,
                           {with_x ? 0.7F : 0, with_e ? -0.4F : 0, 0.6F},
                           with_x ? where(x) : nullptr,
                           with_e ? where(e) : nullptr,
                           where(clean),
                           branches,
                           {2.5F, -1.0F, -0.5F, 0.25F},
                           where(made)};
  };
  guided_update(update(here), 2);
  check(guided_update(update(there), cudaStream_t{}));
  check(cudaDeviceSynchronize());
  expect(made.distance(), 1e-5, "the update");
}

template <class T>
void compare_pixels(std::int64_t count, int shift) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
  Both<std::uint8_t> from(pixels, shift), back(pixels, shift);
  Both<T> units(random_values<T>(count), shift);
  for (std::size_t i = 0; i < units.here.size(); i += 5)
    units.here[i] = made_of<T>(i % 2 ? std::numeric_limits<float>::quiet_NaN() : 3.0F * static_cast<float>(i % 3) - 3);
  Both<T> any(units.here, shift);
  pixels_to_units(from.here.data(), count, units.here.data());
  check(pixels_to_units(from.there(), count, units.there(), cudaStream_t{}));
  units_to_pixels(any.here.data(), count, back.here.data());
  check(units_to_pixels(any.there(), count, back.there(), cudaStream_t{}));
  check(cudaDeviceSynchronize());
  expect(units.distance(), 0, "the units");
  expect(back.distance(), 0, "the pixels");
}

template <class T>
void add_tests(const std::string& type, std::vector<GpuTest>& tests) {
  const GroupNormShape shapes[] = {{2, 35, 32, 16, false},  {3, 1, 24, 8, true},      {2, 49, 20, 5, true},
                                   {1, 9, 7, 7, false},     {2, 63, 80, 16, true},    {4, 1024, 48, 24, true},
                                   {1, 4096, 64, 16, true}, {1, 16384, 32, 16, true}, {2, 5000, 18, 9, false},
                                   {1, 12, 510, 255, true}, {1, 64, 2040, 255, false}};
  for (const GroupNormShape& s : shapes)
    for (const auto& [modulated, shift] : {std::pair{false, 0}, std::pair{true, 0}, std::pair{true, 1}})
      tests.push_back({"group_norm/" + type + "/" + std::to_string(s.batch) + "x" + std::to_string(s.places) + "x" +
                           std::to_string(s.channels) + "/group" + std::to_string(s.group) + (s.relu ? "/relu" : "") +
                           (modulated ? "/modulated" : "") + (shift ? "/unaligned" : ""),
                       [s, modulated = modulated, shift = shift] { compare_group_norm<T>(s, modulated, shift); }});
  for (const int count : {1, 7, 24, 12288, 100003})
    for (const int branches : {1, 2, 3})
      for (const int step : {0, 1, 2})
        tests.push_back({"guided_update/" + type + "/" + std::to_string(count) + "x" + std::to_string(branches) +
                             (step == 0   ? "/last"
                              : step == 1 ? "/euler"
                                          : "/heun"),
                         [=] { compare_update<T>(count, branches, step > 0, step > 1); }});
  for (const int count : {1, 15, 256, 12289})
    for (const int shift : {0, 1})
      tests.push_back({"pixels/" + type + "/" + std::to_string(count) + (shift ? "/unaligned" : ""),
                       [=] { compare_pixels<T>(count, shift); }});
}

int run_all() {
  std::vector<GpuTest> tests;
  add_tests<float>("float32", tests);
  add_tests<std::uint16_t>("bfloat16", tests);
  int devices = 0;
  const bool gpu = cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
  return run_tests(tests, gpu);
}

}  // namespace
}  // namespace cigli

int main() { return cigli::run_all(); }
