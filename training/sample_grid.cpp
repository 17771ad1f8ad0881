#include "training/sample_grid.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <sstream>

#include "dataset/tensor_image.h"

namespace cigli {
namespace {

constexpr int margin = 8, line_height = 16, shown_side = 96;
constexpr double font_scale = 0.42;
constexpr int font = cv::FONT_HERSHEY_SIMPLEX;

int text_width(const std::string& text) { return cv::getTextSize(text, font, font_scale, 1, nullptr).width; }

// Lines of at most `width` pixels, broken between words.
std::vector<std::string> wrap(const std::string& text, int width) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (lines.empty() || text_width(lines.back() + " " + word) > width)
      lines.push_back(word);
    else
      lines.back() += " " + word;
  }
  return lines;
}

cv::Mat as_mat(const Image& image) {
  return cv::Mat(static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3,
                 const_cast<std::uint8_t*>(image.pixels.data()));
}

cv::Mat enlarged(const Image& image) {
  const auto side = static_cast<int>(std::min(image.width, image.height));
  const int factor = std::max(1, (shown_side + side - 1) / side);
  cv::Mat shown;
  cv::resize(as_mat(image), shown, {}, factor, factor, cv::INTER_NEAREST);
  return shown;
}

cv::Mat draw_row(const GridRow& row) {
  const cv::Mat parts[] = {enlarged(row.prompt), enlarged(row.generated), enlarged(row.target)};
  int width = margin, height = 0;
  for (const cv::Mat& part : parts) {
    width += part.cols + margin;
    height = std::max(height, part.rows);
  }
  const std::vector<std::string> lines = wrap(row.text, width - 2 * margin);
  cv::Mat sheet(margin + height + line_height * static_cast<int>(lines.size()) + margin, width, CV_8UC3,
                cv::Scalar::all(255));
  int x = margin;
  for (const cv::Mat& part : parts) {
    part.copyTo(sheet(cv::Rect(x, margin, part.cols, part.rows)));
    x += part.cols + margin;
  }
  int y = margin + height;
  for (const std::string& line : lines) {
    y += line_height;
    cv::putText(sheet, line, {margin, y - 3}, font, font_scale, cv::Scalar::all(0), 1, cv::LINE_AA);
  }
  return sheet;
}

Image from_pixels(const std::uint8_t* pixels, std::int64_t width, std::int64_t height) {
  Image image(width, height);
  std::copy_n(pixels, image.pixels.size(), image.pixels.begin());
  return image;
}

}  // namespace

Image draw_grid(const std::vector<GridRow>& rows) {
  std::vector<cv::Mat> drawn;
  int width = 0, height = 0;
  for (const GridRow& row : rows) {
    drawn.push_back(draw_row(row));
    width = std::max(width, drawn.back().cols);
    height += drawn.back().rows;
  }
  Image grid(width, height, 255);
  cv::Mat sheet = as_mat(grid);
  int y = 0;
  for (const cv::Mat& row : drawn) {
    row.copyTo(sheet(cv::Rect(0, y, row.cols, row.rows)));
    y += row.rows;
  }
  return grid;
}

std::vector<GridRow> sample_rows(Generator& model, const Pack& pack, const std::vector<std::int64_t>& indices,
                                 std::uint64_t seed) {
  const Batch batch = pack.batch(indices);
  std::vector<Request> requests;
  for (std::size_t i = 0; i < indices.size(); ++i)
    requests.push_back({batch.ids[i], batch.texts[i], batch.prompt[static_cast<std::int64_t>(i)], seed, 0});
  const torch::Tensor images = model->sample(requests, model->options.sampling);
  std::vector<GridRow> rows;
  for (std::size_t i = 0; i < indices.size(); ++i)
    rows.push_back({batch.texts[i], from_pixels(pack.prompt(indices[i]), pack.prompt_width(), pack.prompt_height()),
                    to_image(images[static_cast<std::int64_t>(i)]),
                    from_pixels(pack.target(indices[i]), pack.target_width(), pack.target_height())});
  return rows;
}

}  // namespace cigli
