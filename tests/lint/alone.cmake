# One foundation by itself: ./tests/run's lint lane puts this beside links to it and to .cmake.
cmake_minimum_required(VERSION 3.25)
project(alone LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
include(${CMAKE_SOURCE_DIR}/.cmake/options.cmake)
include(${CMAKE_SOURCE_DIR}/.cmake/packages.cmake)
add_subdirectory(${FOUNDATION})
