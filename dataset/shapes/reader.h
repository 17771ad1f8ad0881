#pragma once

#include <string>
#include <vector>

#include "dataset/image.h"
#include "dataset/shapes/scene.h"
#include "dataset/shapes/world.h"

namespace cigli {

// What an image shows, read as a scene of the world.
struct Reading {
  Scene scene;                       // background and the objects that are clear
  std::vector<std::string> unclear;  // one line for each blob that is no object of the world
};

// Reads a square image of 16 pixels a side or more: background = median; each pixel is taken as a mixture of it and the
// nearest palette colour, so that soft edges keep their object's colour; connected components; each one compared with
// every shape of its area at its centre of mass. Objects that touch are taken apart where a thin bridge joins them.
Reading read_scene(const Image& image, const World& world);

}  // namespace cigli
