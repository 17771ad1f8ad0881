#include "tools/thumbnail.h"

#include <openssl/evp.h>

#include <algorithm>

#include "dataset/image.h"
#include "runtime/error.h"
#include "runtime/text.h"

namespace cigli {
namespace {

constexpr std::int64_t kThumbnail = 128;

std::string base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(&text[0]), reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace

std::string thumbnail(const std::filesystem::path& file, const std::string& what) {
  try {
    Image image = read_image(file);
    const std::int64_t longer = std::max(image.width, image.height);
    if (longer > kThumbnail)
      image = resize(image, std::max<std::int64_t>(1, image.width * kThumbnail / longer),
                     std::max<std::int64_t>(1, image.height * kThumbnail / longer));
    return "<img alt=\"" + escape_html(what) + "\" src=\"data:image/png;base64," + base64(encode_png(image)) + "\">";
  } catch (const Error&) {
    return "<span class=\"none\">no image</span>";
  }
}

}  // namespace cigli
