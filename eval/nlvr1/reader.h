#pragma once

#include <string>
#include <vector>

#include "dataset/image.h"
#include "eval/nlvr1/box.h"

namespace cigli {

// What an image of one NLVR v1 box shows.
struct Nlvr1Reading {
  Nlvr1Box items;                    // those that are clear, by colour and then from the top
  std::vector<std::string> unclear;  // one line for each blob that is no item of NLVR
};

// Reads a square image of 32 pixels a side or more. Each pixel is unmixed into shares of the box's grey and NLVR's
// three colours (four corners of a tetrahedron in RGB, so the shares are unique); each colour's connected blobs are
// compared with every shape and size at their place, by the share of the union that both cover. A column as wide as a
// tower's blocks is cut into as many as its height holds; other blobs of no clear shape are taken apart greedily into
// items that touch. Throws Error for any other size.
Nlvr1Reading read_nlvr1_box(const Image& image);

}  // namespace cigli
