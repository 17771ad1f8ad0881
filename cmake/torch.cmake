# LibTorch: ${torch_targets} to link, with CIGLI_CUDA its CUDA half too, and the C++ standard that it asks for.

# The wheel's where scripts/bootstrap has put it, else the system's.
set(CIGLI_LIBTORCH "" CACHE PATH "Root of the LibTorch to use (default: .deps/libtorch/torch where present)")
if(CIGLI_LIBTORCH)
  list(PREPEND CMAKE_PREFIX_PATH ${CIGLI_LIBTORCH})
else()
  list(PREPEND CMAKE_PREFIX_PATH ${CMAKE_CURRENT_LIST_DIR}/../.deps/libtorch/torch)
endif()
find_package(Torch REQUIRED)
get_filename_component(torch_cmake_folder ${Torch_DIR} REALPATH)
message(STATUS "LibTorch ${Torch_VERSION} from ${torch_cmake_folder}")
if(Torch_VERSION VERSION_GREATER_EQUAL 2.12)
  set(CMAKE_CXX_STANDARD 20)
else()
  set(CMAKE_CXX_STANDARD 17)
endif()
if(CIGLI_CUDA)
  if(NOT TARGET torch_cuda_library)
    message(FATAL_ERROR "CIGLI_CUDA is on, but LibTorch ${Torch_VERSION} in ${Torch_DIR} was built without CUDA")
  endif()
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # as LibTorch does
  enable_language(CUDA)
  # libtorch_cuda pulls in libraries (NVSHMEM, cuSPARSELt, cuFile) that the linker needs not resolve for us.
  set(torch_targets torch_library c10 -Wl,--unresolved-symbols=ignore-in-shared-libs)
else()
  set(torch_targets torch_cpu_library c10)
endif()
# The wheel's libraries export parts of an older standard library, not all of which work: the system's come first.
list(PREPEND torch_targets -Wl,--push-state,--no-as-needed,-lstdc++,--pop-state)
