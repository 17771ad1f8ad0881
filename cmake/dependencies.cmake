# Everything the project links, behind one interface target: cigli_flags. Torch's own headers warn: they come in as
# SYSTEM (imported targets' include folders are).

option(CIGLI_CUDA "Link LibTorch's CUDA half too, and build this project's kernels for it" OFF)
include(cmake/torch.cmake)  # torch_targets

# Debian's LibTorch takes its products from whichever BLAS the system prefers. Of OpenBLAS the build with OpenMP shares
# LibTorch's threads; that with threads of its own fights with them for the cores, and costs up to half of the time.
if(Torch_DIR MATCHES "^/usr/(lib|share)/")
  foreach(library libopenblas.so.0 libblas.so.3 liblapack.so.3)
    find_library(CIGLI_${library} NAMES ${library} PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp
                 NO_DEFAULT_PATH)
    if(CIGLI_${library})
      list(APPEND blas_libraries ${CIGLI_${library}})
      get_filename_component(blas_folder ${CIGLI_${library}} DIRECTORY)
    endif()
  endforeach()
  if(blas_libraries)
    list(PREPEND torch_targets -Wl,--no-as-needed ${blas_libraries} -Wl,--as-needed)
  endif()
endif()

# By file, not by package: Debian keeps OpenCVConfig.cmake in libopencv-dev, which pulls in all of OpenCV and VTK.
find_path(OPENCV_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(module core imgproc imgcodecs)
  find_library(OPENCV_${module}_LIBRARY opencv_${module} REQUIRED)
endforeach()
find_package(nlohmann_json REQUIRED)
find_package(cxxopts REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)  # without it LibTorch's at::parallel_for stays on one thread
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Threads REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc)  # LibTorch and OpenCV of Debian load it anyway
find_package(ZLIB REQUIRED)
# By file: the package's own description also wants zip's command-line tools.
find_path(ZIP_INCLUDE_DIR zip.h REQUIRED)
find_library(ZIP_LIBRARY zip REQUIRED)
find_path(CLD2_INCLUDE_DIR cld2/public/compact_lang_det.h REQUIRED)
find_library(CLD2_LIBRARY cld2 REQUIRED)
find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)

add_library(cigli_flags INTERFACE)
target_include_directories(cigli_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_include_directories(cigli_flags SYSTEM INTERFACE
  ${TORCH_INCLUDE_DIRS} ${OPENCV_INCLUDE_DIR} ${STB_INCLUDE_DIR} ${TOMLPLUSPLUS_INCLUDE_DIR} ${CLD2_INCLUDE_DIR} ${ZIP_INCLUDE_DIR})
target_compile_definitions(cigli_flags INTERFACE TOML_HEADER_ONLY=1 $<$<BOOL:${CIGLI_CUDA}>:CIGLI_CUDA>)
target_compile_options(cigli_flags INTERFACE -Wall -Wextra -Winvalid-pch -Werror=invalid-pch)
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A source among several looks like a header there, which must not give a class a member of an unnamed namespace.
  target_compile_options(cigli_flags INTERFACE -Wno-subobject-linkage)
endif()
if(CIGLI_WARNINGS_AS_ERRORS)
  target_compile_options(cigli_flags INTERFACE -Werror)
endif()
target_link_libraries(cigli_flags INTERFACE
  ${torch_targets} ${OPENCV_core_LIBRARY} ${OPENCV_imgproc_LIBRARY} ${OPENCV_imgcodecs_LIBRARY}
  nlohmann_json::nlohmann_json cxxopts::cxxopts OpenSSL::Crypto ICU::uc OpenMP::OpenMP_CXX ZLIB::ZLIB
  ${ZIP_LIBRARY} ${CLD2_LIBRARY} Threads::Threads)
if(CIGLI_SANITIZE)
  # GCC's -Wmaybe-uninitialized misfires inside the standard library once the sanitizers' checks are in.
  target_compile_options(cigli_flags INTERFACE
    -fsanitize=${CIGLI_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -Wno-maybe-uninitialized)
  target_link_options(cigli_flags INTERFACE -fsanitize=${CIGLI_SANITIZE})
endif()
