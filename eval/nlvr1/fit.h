#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "eval/nlvr1/box.h"

namespace cigli {

// The share of each pixel of `window` that the item covers, at `scale` pixels a hundredth of the box.
cv::Mat1f coverage(const Nlvr1Item& item, double scale, const cv::Rect& window);

// An item and how well it explains a blob: the share of the union that both cover, 0 to 1.
struct Nlvr1Fit {
  Nlvr1Item item;
  double overlap = 0;
};

// The shape, size and place that explain `amount` (one colour's share of each pixel of `window`) best as one item.
Nlvr1Fit fit_item(const cv::Mat1f& amount, double scale, const cv::Rect& window);

// Several items that together explain it, found one after the other, each where it covers most of the colour and least
// of anything else; `overlap` is the least of all items' together and each one's with what the others leave.
std::vector<Nlvr1Fit> fit_items(const cv::Mat1f& amount, double scale, const cv::Rect& window);

}  // namespace cigli
