# Everything the project links, behind one interface target. Torch's own headers warn: they come in as SYSTEM.
find_package(Torch REQUIRED)
find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs)
find_package(nlohmann_json REQUIRED)
find_package(cxxopts REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)

add_library(cigli_flags INTERFACE)
target_include_directories(cigli_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_include_directories(cigli_flags SYSTEM INTERFACE
  ${TORCH_INCLUDE_DIRS} ${OpenCV_INCLUDE_DIRS} ${STB_INCLUDE_DIR} ${TOMLPLUSPLUS_INCLUDE_DIR})
target_compile_definitions(cigli_flags INTERFACE TOML_HEADER_ONLY=1)
target_compile_options(cigli_flags INTERFACE -Wall -Wextra -Winvalid-pch -Werror=invalid-pch)
if(CIGLI_WARNINGS_AS_ERRORS)
  target_compile_options(cigli_flags INTERFACE -Werror)
endif()
target_link_libraries(cigli_flags INTERFACE
  ${TORCH_LIBRARIES} opencv_core opencv_imgproc opencv_imgcodecs
  nlohmann_json::nlohmann_json cxxopts::cxxopts OpenSSL::Crypto ZLIB::ZLIB Threads::Threads)
if(CIGLI_SANITIZE)
  target_compile_options(cigli_flags INTERFACE -fsanitize=${CIGLI_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(cigli_flags INTERFACE -fsanitize=${CIGLI_SANITIZE})
endif()
