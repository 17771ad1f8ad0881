#include "decoder/fitting_batches.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/temporary_folder.h"

namespace cigli {
namespace {

// A device that holds so many images at once: image i is filled with the number of its request.
struct Device {
  std::size_t holds;
  std::vector<std::size_t> drawn;  // how many at once, refused ones too

  std::vector<Image> operator()(const std::vector<Request>& requests) {
    drawn.push_back(requests.size());
    if (requests.size() > holds) throw c10::OutOfMemoryError({__func__, __FILE__, __LINE__}, "out of memory");
    std::vector<Image> images;
    for (const Request& request : requests) images.emplace_back(2, 2, static_cast<std::uint8_t>(request.k));
    return images;
  }
};

std::vector<Request> numbered(std::int64_t count) {
  std::vector<Request> requests(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) requests[static_cast<std::size_t>(i)].k = i;
  return requests;
}

TEST(FittingBatches, DrawsAllAtOnceWhereTheyFit) {
  Device device{16, {}};
  std::int64_t most = 16;
  const std::vector<Image> images = draw_fitting(std::ref(device), numbered(16), most);
  EXPECT_EQ(device.drawn, std::vector<std::size_t>({16}));
  EXPECT_EQ(images.size(), 16U);
  EXPECT_EQ(most, 16);
}

TEST(FittingBatches, HalvesUntilTheyFitAndLosesNothing) {
  Device device{3, {}};
  std::int64_t most = 13;
  const std::vector<Image> images = draw_fitting(std::ref(device), numbered(13), most);
  EXPECT_EQ(device.drawn, std::vector<std::size_t>({13, 6, 3, 3, 3, 3, 1}));
  ASSERT_EQ(images.size(), 13U);
  for (std::uint8_t i = 0; i < 13; ++i) EXPECT_EQ(images[i], Image(2, 2, i));
  device.drawn.clear();
  draw_fitting(std::ref(device), numbered(4), most);  // it remembers
  EXPECT_EQ(device.drawn, std::vector<std::size_t>({3, 1}));
}

TEST(FittingBatches, SaysWhenNotEvenOneFits) {
  Device device{0, {}};
  std::int64_t most = 4;
  EXPECT_EQ(error_of([&] { draw_fitting(std::ref(device), numbered(4), most); }),
            "the device's memory does not hold what one image takes");
}

TEST(FittingBatches, OtherErrorsPassThrough) {
  std::int64_t most = 4;
  const DrawImages broken = [](const std::vector<Request>&) -> std::vector<Image> { throw std::logic_error("broken"); };
  EXPECT_THROW(draw_fitting(broken, numbered(4), most), std::logic_error);
  EXPECT_EQ(most, 4);
}

}  // namespace
}  // namespace cigli
