#include "decoder/fitting_batches.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>

#include "runtime/device_choice.h"
#include "runtime/error.h"

namespace cigli {
namespace {

// Nothing where the memory ran out; what was computed until then is given back before the next try.
std::optional<std::vector<Image>> draw_if_it_fits(const DrawImages& draw, const std::vector<Request>& requests) {
  try {
    return draw(requests);
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error)) throw;
    return std::nullopt;
  }
}

}  // namespace

std::vector<Image> draw_fitting(const DrawImages& draw, const std::vector<Request>& requests, std::int64_t& most) {
  std::vector<Image> images;
  const auto all = static_cast<std::int64_t>(requests.size());
  for (std::int64_t from = 0; from < all;) {
    const std::int64_t count = std::min(most, all - from);
    auto drawn = draw_if_it_fits(draw, {requests.begin() + from, requests.begin() + from + count});
    if (drawn) {
      std::move(drawn->begin(), drawn->end(), std::back_inserter(images));
      from += count;
      continue;
    }
    release_device_memory();
    if (count == 1) throw Error("the device's memory does not hold what one image takes");
    most = count / 2;
    std::cerr << "cigli: warning: out of the device's memory with " << count << " images at once; from here on " << most
              << "\n";
  }
  return images;
}

}  // namespace cigli
