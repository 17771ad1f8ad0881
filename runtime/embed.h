#pragma once

#include <cstddef>
#include <string_view>

// Files linked into the program as they are. At namespace scope, outside of all:
//   CIGLI_EMBED(cigli_some_name, "/path/of/the/file")
// and in functions of the same source file CIGLI_EMBEDDED(cigli_some_name), its bytes, which live as long as the
// process.

// clang-format off
#define CIGLI_EMBED(NAME, FILE)                              \
  asm(".pushsection .rodata\n"                               \
      ".balign 64\n"                                         \
      ".global " #NAME "_begin, " #NAME "_end\n"             \
      #NAME "_begin:\n"                                      \
      ".incbin \"" FILE "\"\n"                               \
      #NAME "_end:\n"                                        \
      ".popsection\n");                                      \
  extern "C" const char NAME##_begin[], NAME##_end[];
// clang-format on

#define CIGLI_EMBEDDED(NAME) \
  std::string_view { NAME##_begin, static_cast<std::size_t>(NAME##_end - NAME##_begin) }
