#pragma once

#include <stdexcept>
#include <string>

namespace cigli {

// Something the user gave (file, row, value) is wrong, or the machine refused. The message is one line that names the
// file and row, what was found and what was expected. `main` prints it and exits 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The command line itself is wrong: `main` prints the message and exits 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace cigli
