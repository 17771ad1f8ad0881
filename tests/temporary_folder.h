#pragma once

#include <stdexcept>
#include <string>

#include "runtime/temporary_folder.h"

namespace cigli {

// The message of the Error that `action` throws, or "" when it throws none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace cigli
