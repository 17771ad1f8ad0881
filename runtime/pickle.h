#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cigli {

// The class of a parameter, which Python sets attributes of that mean nothing here.
inline constexpr std::string_view kTorchParameter = "torch.nn.parameter.Parameter";

// One value of a pickle; `text` views the pickle's bytes, `items` are places in Pickle::values.
struct PickleValue {
  enum class Kind : std::uint8_t {
    none,
    boolean,     // number: 0 or 1
    whole,       // number
    other,       // a float, bytes, an integer beyond 64 bits: nothing reads them
    text,        // text, as it stands in the file
    list,        // items
    tuple,       // items
    dictionary,  // items: key, value, key, value ...; text: its class, "" for a plain one
    global,      // text: its dotted name
    call,        // text: the global that is called; items: the one tuple of its arguments
    persistent,  // items: the one id of something outside the pickle
  };
  Kind kind = Kind::none;
  std::int64_t number = 0;
  std::string_view text;
  std::vector<std::uint32_t> items;
};

// A pickle as plain data. Its values refer to one another by place, since a value may be shared or even hold itself.
struct Pickle {
  std::vector<PickleValue> values;
  std::uint32_t root = 0;
  std::size_t size = 0;  // bytes of the pickle; more may follow it
};

// Reads the pickle at the start of `bytes`, which must outlive the result and `globals`' texts too. Nothing is run: a
// call stays a value. Knows the opcodes of protocols 2 to 5 that plain containers, text, numbers and calls need; throws
// Error, with `name` in front, for any other opcode, for a global that isn't in `globals` ("module.member") and for
// damage. Takes memory in proportion to the pickle and never recurses.
Pickle parse_pickle(std::string_view bytes, const std::vector<std::string_view>& globals, const std::string& name);

// A text from a file as messages show it: short, and one line.
std::string printable(std::string_view text);

}  // namespace cigli
